import Authoring
import Glibc
import Storage
import TrackerServer

extension Failure {
    /// The exit status for disk errors.
    init(_ error: StorageError) {
        let status: ExitStatus =
            switch error.kind {
            case .conflict, .changed: .verification
            case .misuse, .nameTooLong: .failed
            default: error.isDiskFault ? .disk : .failed
            }
        self.init(status, error.message, advice: error.advice)
    }

    /// The exit status for errors of making a torrent or of a check.
    init(_ error: AuthoringError) {
        let status: ExitStatus =
            switch error {
            case .system(_, _, let error): Self.status(error.number)
            case .cancelled: .interrupted
            case .badPattern, .badPieceLength, .outputIsContent: .usage
            default: .failed
            }
        let option =
            switch error {
            case .badPattern: "--exclude: "
            case .badPieceLength: "--piece-length: "
            case .outputIsContent: "--output: "
            default: ""
            }
        self.init(status, "\(option)\(error)")
    }

    /// The exit status for an `errno` of a file or directory. A missing permission counts as a disk error, not as a
    /// refusal.
    static func status(_ code: Int32) -> ExitStatus {
        switch code {
        case ENOENT, ENOTDIR: .notFound
        case EISDIR: .usage
        case ENOSPC, EDQUOT, EIO, EROFS, EACCES, EPERM: .disk
        default: .failed
        }
    }

    /// The exit status if a tracker cannot start.
    init(_ error: TrackerServerError) {
        let status: ExitStatus =
            switch error.code {
            case .configuration, .addressNotAvailable: .usage
            case .permissionDenied: .refused
            case .addressInUse, .system: .failed
            }
        self.init(status, error.description)
    }
}
