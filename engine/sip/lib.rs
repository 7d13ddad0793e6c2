//! SIP: message, transactions, dialogs, a whole user agent without a socket. The room is laid out and not yet furnished.
