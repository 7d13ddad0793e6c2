"""A telephone of PJSIP's: answers every call, plays a WAV into it and records what it hears.

    pjsua2_callee.py PORT SOURCE.wav FOLDER [CERTIFICATE KEY]

The account 2000 has SRTP mandatory, with keys in the descriptions; the wheel is built without DTLS-SRTP. With a
certificate it is reached over TLS alone, and wants its keys to come by no other way. What it hears goes to
FOLDER/CODEC.wav. Prints `ready` when calls can come, and ends with its standard input.
"""

import os
import sys
import threading

import pjsua2 as pj


class Call(pj.Call):
    def __init__(self, account, call_id):
        super().__init__(account, call_id)
        self.account = account
        self.player = self.recorder = None

    def onCallMediaState(self, prm):
        # Held by a name: the list of its media is freed with it.
        info = self.getInfo()
        for n, media in enumerate(info.media):
            active = media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE
            if not active or self.player:
                continue
            sound = self.getAudioMedia(n)
            self.player, self.recorder = pj.AudioMediaPlayer(), pj.AudioMediaRecorder()
            self.player.createPlayer(self.account.source, pj.PJMEDIA_FILE_NO_LOOP)
            self.player.startTransmit(sound)
            stream = self.getStreamInfo(n)
            self.recorder.createRecorder(os.path.join(self.account.folder, stream.codecName + ".wav"))
            sound.startTransmit(self.recorder)

    def onCallState(self, prm):
        if self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED:
            # The file's header is written when its recorder goes.
            self.player = self.recorder = None
            self.account.calls.remove(self)
            print("over", flush=True)


class Account(pj.Account):
    def __init__(self, source, folder):
        super().__init__()
        self.source, self.folder, self.calls = source, folder, []

    def onIncomingCall(self, prm):
        call = Call(self, prm.callId)
        self.calls.append(call)
        answer = pj.CallOpParam(True)
        answer.statusCode = 200
        call.answer(answer)


def main(port, source, folder, *tls):
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = int(os.environ.get("PJ_LOG", "1"))
    # Callbacks run here alone, in the thread of this loop.
    config.uaConfig.threadCnt = 0
    config.medConfig.noVad = True
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.port, transport.boundAddress = port, "127.0.0.1"
    kind = pj.PJSIP_TRANSPORT_UDP
    if tls:
        kind = pj.PJSIP_TRANSPORT_TLS
        transport.tlsConfig.certFile, transport.tlsConfig.privKeyFile = tls
        transport.tlsConfig.method = pj.PJSIP_TLSV1_2_METHOD
    endpoint.transportCreate(kind, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    wanted = pj.AccountConfig()
    wanted.idUri = "sip:2000@127.0.0.1:%d" % port
    wanted.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY
    wanted.mediaConfig.srtpSecureSignaling = 1 if tls else 0
    wanted.mediaConfig.srtpOpt.keyings = pj.IntVector([pj.PJMEDIA_SRTP_KEYING_SDES])
    wanted.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    account = Account(source, folder)
    account.create(wanted)
    print("ready", flush=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    while not ended.is_set():
        endpoint.libHandleEvents(50)
    endpoint.libDestroy()


main(int(sys.argv[1]), *sys.argv[2:])
