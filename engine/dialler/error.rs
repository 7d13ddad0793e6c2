//! Why a call was not placed, or its outcome not filed.

/// Nothing was dialled, and the callee's phone never rang; but for [`DialError::NotFiled`].
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// A prompt could not be synthesized.
    #[error("a prompt could not be spoken, so the call was not placed 语音合成失败，未呼叫: {0}")]
    Voice(waihu_speech::SpeechError),
    /// No port, no socket.
    #[error("no media port for the call 没有媒体端口: {0}")]
    Media(#[from] waihu_media::MediaError),
    /// The system gives no random numbers, without which there are no keys.
    #[error(
        "the system gives no random numbers for SRTP's keys, so the call was not placed 无法生成密钥，未呼叫"
    )]
    Randomness,
    /// The attempt could not be written down, or must not be made.
    #[error("the attempt was not recorded, so the call was not placed 未能登记，未呼叫: {0}")]
    Store(#[from] waihu_store::StoreError),
    /// The case's time zone is none that is known.
    #[error("case {case}: {zone:?} is no time zone; write one like Asia/Shanghai 时区无效")]
    TimeZone {
        /// The case.
        case: waihu_types::CaseId,
        /// What it says.
        zone: String,
    },
    /// The flow cannot be spoken about the case.
    #[error("case {case}: {source}; the call was not placed 未呼叫")]
    Unfit {
        /// The case.
        case: waihu_types::CaseId,
        /// Why.
        source: waihu_dialog::Unfit,
    },
    /// The folder for recordings cannot be used.
    #[error("{path}: {source}: choose another folder for recordings, or make room 录音目录不可用", path = path.display())]
    Recordings {
        /// The folder or file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The disk of the store or of the recordings is full, or nearly.
    #[error("there is no room on the disk for further calls: make some 磁盘空间不足，暂停呼叫")]
    NoRoom,
    /// It was stopped before it was dialled.
    #[error("it was stopped before it was dialled 拨号前已停止")]
    Stopped,
    /// The call took place, and the store did not take its outcome.
    #[error("the call took place, and its outcome is not in the store yet 已通话，结果尚未入库: {source}{}", kept(path.as_ref()))]
    NotFiled {
        /// The outcome.
        outcome: Box<waihu_types::Outcome>,
        /// The file that keeps it until the next start; none where that could not be written either.
        path: Option<std::path::PathBuf>,
        /// What the store said.
        source: Box<waihu_store::StoreError>,
    },
    /// A fault of ours ended it before it was dialled.
    #[error("a fault in waihu ended it before it was dialled 拨号前程序故障")]
    Fell,
    /// The trunk's socket has fallen.
    #[error("the trunk's signalling has stopped; start waihu again 信令已中断，请重新启动")]
    SignallingGone,
    /// None of the carrier's machines takes a call now.
    #[error("no call can be placed now, and none was 暂时无法呼叫: {0}")]
    TrunkShut(String),
    /// The speech workers are gone.
    #[error("the speech workers have stopped; start waihu again 语音线程已停止，请重新启动")]
    WorkersGone,
}

fn kept(path: Option<&std::path::PathBuf>) -> String {
    match path {
        Some(path) => {
            format!("; it is kept in {} and filed at the next start 下次启动时补录", path.display())
        }
        None => "; it could not be kept in a file either: write it down from here 请记下".to_owned(),
    }
}
