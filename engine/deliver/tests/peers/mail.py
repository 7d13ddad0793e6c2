"""A mail server: takes each message into FOLDER, refuses the first so many for now, and says its port."""

import pathlib
import socket
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

folder, cert, key, mode, refuse = sys.argv[1:]


class Taker:
    def __init__(self):
        self.refusals = int(refuse)
        self.taken = 0

    async def handle_DATA(self, server, session, envelope):
        if self.refusals:
            self.refusals -= 1
            return "451 4.3.2 not now"
        if "never@" in " ".join(envelope.rcpt_tos):
            return "554 5.7.1 never"
        self.taken += 1
        name = pathlib.Path(folder) / f"{self.taken}.eml"
        name.write_bytes(b"tls: " + str(bool(session.ssl) or server._over_ssl).encode() + b"\r\n" + envelope.content)
        return "250 taken"


def known(server, session, envelope, mechanism, data):
    right = data.login == b"waihu" and data.password == b"a long secret"
    return AuthResult(success=right)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
more = {"tls": {"ssl_context": context}, "starttls": {"tls_context": context, "require_starttls": True}}[mode]
# The controller looks whether it can be reached, by the port that it was given.
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
controller = Controller(
    Taker(),
    hostname="127.0.0.1",
    port=port,
    authenticator=known,
    auth_required=True,
    # Under TLS from the first byte it does not know of it.
    auth_require_tls=mode == "starttls",
    **more,
)
controller.start()
print(port, flush=True)
sys.stdin.read()
controller.stop()
