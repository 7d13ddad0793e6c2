// A message centre to test against, on node-smpp: says on standard output what it gets, a JSON object a line.
//
// What it does with a message hangs on the last digit of its number:
//   1 has too much to do, twice, then takes it     2 refuses the number
//   3 takes it and breaks the line, unanswered      4 takes it, and says later that it was not delivered
//   5 takes it and never answers                    others: takes it and says later that it was delivered
//
// What callees text back stands on standard input, a JSON object a line: `from`, `text`, and where wanted `ton`,
// `coding`, `esm_class`, `udh` (octets) and `payload`; `octets` in place of `text` go as they are. Each is given to
// whoever is bound, one after the other, and again to whoever is bound next where the line broke before an answer
// came; `lose` answers to it never come.
const readline = require('readline');
const smpp = require('smpp');

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const busy = new Map();
let taken = 0;

const replies = [];
let bound = null;

const give = () => {
  const reply = replies[0];
  if (!reply || !bound || reply.at === bound) return;
  const session = bound;
  reply.at = session;
  const said = reply.octets ? Buffer.from(reply.octets) : reply.text;
  const words = reply.udh ? { udh: Buffer.from(reply.udh), message: said } : said;
  session.deliver_sm({
    source_addr: reply.from,
    source_addr_ton: reply.ton || 0,
    destination_addr: '10690000',
    esm_class: reply.esm_class || 0,
    data_coding: reply.coding || 0,
    [reply.payload ? 'message_payload' : 'short_message']: words,
  }, (answer) => {
    if (reply.lose > 0) {
      reply.lose -= 1;
      say({ reply_lost: reply.from });
      return session.socket.destroy();
    }
    replies.shift();
    say({ reply_taken: reply.from, status: answer.command_status });
    return give();
  });
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  replies.push(JSON.parse(line));
  give();
});

const server = smpp.createServer((session) => {
  session.on('error', () => {});
  session.on('close', () => {
    if (bound === session) bound = null;
  });
  session.on('bind_transceiver', (pdu) => {
    const right = pdu.password === 'secret';
    say({ bind: pdu.system_id, version: pdu.interface_version, right });
    if (pdu.system_id === 'taken') return session.send(pdu.response({ command_status: smpp.ESME_RALYBND }));
    session.send(pdu.response(right ? {} : { command_status: smpp.ESME_RINVPASWD }));
    if (right) bound = session;
    return give();
  });
  session.on('enquire_link', (pdu) => {
    say({ enquire_link: true });
    session.send(pdu.response());
  });
  session.on('deliver_sm_resp', () => say({ receipt_taken: true }));
  session.on('unbind', (pdu) => {
    say({ unbind: true });
    session.send(pdu.response());
  });
  session.on('submit_sm', (pdu) => {
    const number = pdu.destination_addr;
    const kind = number.slice(-1);
    if (kind === '1' && (busy.get(number) || 0) < 2) {
      busy.set(number, (busy.get(number) || 0) + 1);
      say({ throttled: number });
      return session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    }
    if (kind === '2') {
      say({ refused: number });
      return session.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR }));
    }
    taken += 1;
    const id = 'id' + taken;
    const carried = pdu.message_payload || pdu.short_message;
    say({
      taken: number, ton: pdu.dest_addr_ton, from: pdu.source_addr, text: carried.message,
      udh: carried.udh ? [...Buffer.concat([].concat(carried.udh).map((u) => Buffer.from(u)))] : null,
      payload: !!pdu.message_payload, data_coding: pdu.data_coding, receipt: pdu.registered_delivery, id,
    });
    if (kind === '3') return session.socket.destroy();
    if (kind === '5') return undefined;
    session.send(pdu.response({ message_id: id }));
    if (!pdu.registered_delivery) return undefined;
    const stat = kind === '4' ? 'UNDELIV' : 'DELIVRD';
    return session.deliver_sm({
      source_addr: number,
      destination_addr: pdu.source_addr,
      esm_class: 4,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2611260930 done date:2611260931 stat:${stat} err:${kind === '4' ? '027' : '000'} text:x`,
    });
  });
});

server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
