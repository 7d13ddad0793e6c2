"""An exchange of PJSIP's: answers every call, hands calls on and takes them over, attended (RFC 3891).

    exchange.py PORT

Reads lines: `call USER@HOST:PORT` places one, `hand-on A B` has the far end of call A take the place of call B (REFER with
Replaces), `hang-up`. Prints `ready`, `up N`, `over N CODE`, `asked N` (it is to call somebody), `handed-on N CODE last`,
`replaced N by M`. Ends with its standard input.
"""

import os
import sys
import threading

import pjsua2 as pj


class Call(pj.Call):
    """Calls are kept by their number: what nobody holds is hung up."""

    def __init__(self, account, call_id=pj.PJSUA_INVALID_ID):
        super().__init__(account, call_id)
        self.account = account
        if call_id != pj.PJSUA_INVALID_ID:
            account.calls[call_id] = self

    def onCallState(self, prm):
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            print("up", info.id, flush=True)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            print("over", info.id, int(info.lastStatusCode), flush=True)
            self.account.over.append(self.account.calls.pop(info.id, self))

    def onCallTransferRequest(self, prm):
        print("asked", self.getId(), flush=True)
        call = Call(self.account)
        self.account.new.append(call)
        prm.newCall = call

    def onCallTransferStatus(self, prm):
        print("handed-on", self.getId(), int(prm.statusCode), "last" if prm.finalNotify else "", flush=True)

    def onCallReplaceRequest(self, prm):
        prm.statusCode = 200

    def onCallReplaced(self, prm):
        print("replaced", self.getId(), "by", prm.newCallId, flush=True)
        prm.newCall = Call(self.account, prm.newCallId)


class Account(pj.Account):
    def __init__(self):
        super().__init__()
        # Up; ended, which PJSIP may still name; begun by a transfer.
        self.calls, self.over, self.new = {}, [], []

    def onIncomingCall(self, prm):
        answer = pj.CallOpParam(True)
        answer.statusCode = 200
        Call(self, prm.callId).answer(answer)


def obey(account, line):
    words = line.split()
    if words[0] == "call":
        call = Call(account)
        call.makeCall("sip:" + words[1], pj.CallOpParam(True))
        account.calls[call.getId()] = call
    elif words[0] == "hand-on":
        a, b = (account.calls[int(n)] for n in words[1:])
        a.xferReplaces(b, pj.CallOpParam(True))
    elif words[0] == "hang-up":
        for call in list(account.calls.values()):
            call.hangup(pj.CallOpParam(True))


def main(port):
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = int(os.environ.get("PJ_LOG", "1"))
    # Callbacks run here alone, in the thread of this loop.
    config.uaConfig.threadCnt = 0
    config.uaConfig.maxCalls = 8
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.port, transport.boundAddress = port, "127.0.0.1"
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    wanted = pj.AccountConfig()
    wanted.idUri = "sip:exchange@127.0.0.1:%d" % port
    wanted.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    account = Account()
    account.create(wanted)
    print("ready", flush=True)
    ended, lines = threading.Event(), []

    def read():
        for line in sys.stdin:
            lines.append(line)
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    while not ended.is_set():
        endpoint.libHandleEvents(20)
        while lines:
            obey(account, lines.pop(0))
    endpoint.libDestroy()
    # Calls that Python would now take away are PJSIP's no more.
    os._exit(0)


main(int(sys.argv[1]))
