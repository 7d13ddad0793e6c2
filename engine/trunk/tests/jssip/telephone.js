// A telephone as pages have it (JsSIP), in node: told on the command line where to connect, which site it claims to be of,
// its user and its password. What happens is told by a line each; it ends with its input, and takes itself back first.
"use strict";
const WebSocket = require("ws");
const [url, origin, user, password] = process.argv.slice(2);

// A browser names its page's site by itself.
globalThis.WebSocket = class extends WebSocket {
  constructor(to, protocols) {
    super(to, protocols, { origin });
  }
};
const JsSIP = require("jssip");

const tell = (line) => process.stdout.write(`${line}\n`);
const telephone = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(url)],
  uri: `sip:${user}@127.0.0.1`,
  password,
  register_expires: 120,
  connection_recovery_min_interval: 1,
});
telephone.on("connected", () => tell("connected"));
telephone.on("disconnected", ({ code }) => tell(`disconnected ${code ?? ""}`));
telephone.on("registered", ({ response }) => tell(`registered ${response.status_code}`));
telephone.on("unregistered", () => tell("unregistered"));
telephone.on("registrationFailed", ({ response }) => tell(`failed ${response ? response.status_code : ""}`));
telephone.start();

process.stdin.on("end", () => telephone.stop());
process.stdin.resume();
