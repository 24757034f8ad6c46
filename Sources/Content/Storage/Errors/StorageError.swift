import Files
import Glibc
import Metainfo

/// A failure of a disk operation: what failed, for which path, and what a person can do.
package struct StorageError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Equatable, Sendable {
        /// The disk or the quota is full.
        case noSpace
        /// The file system is mounted read-only.
        case readOnly
        /// The process lacks permission.
        case permission
        /// A file, or the destination itself, was deleted or does not exist.
        case vanished
        /// A file has changed: its length, or by a write of another process.
        case changed
        /// The limit on open files of this process or the system is reached.
        case tooManyOpenFiles
        /// A symlink, a special file, or a file instead of a directory (or the reverse) is in the way.
        case inTheWay
        /// The file system does not accept such a long name or path.
        case nameTooLong
        /// Another process works on the same download. Contains its process id, if it could be read.
        case locked(process: Int32?)
        /// Existing content differs from the torrent, and replacing it was not allowed.
        case conflict
        /// The caller cancelled the operation.
        case cancelled
        /// A programming error of the caller: a buffer of the wrong size, a write to content opened read-only.
        case misuse
        /// Any other error of the kernel.
        case io(Int32)
    }

    package let kind: Kind
    /// The operation, in the infinitive: "write", "open".
    package let action: String
    /// Control and bidirectional characters are already escaped.
    package let path: String
    /// Additional information, if the kind is not enough.
    package let detail: String?

    package init(_ kind: Kind, _ action: String, path: String, detail: String? = nil) {
        self.kind = kind
        self.action = action
        self.path = DisplayName.escape(path)
        self.detail = detail.map { DisplayName.escape($0) }
    }

    package init(_ error: SystemError, _ action: String, path: String, detail: String? = nil) {
        let kind: Kind =
            switch error.number {
            case ENOSPC, EDQUOT: .noSpace
            case EROFS: .readOnly
            case EACCES, EPERM: .permission
            case ENOENT, ESTALE: .vanished
            case EMFILE, ENFILE: .tooManyOpenFiles
            case ELOOP, ENOTDIR, EISDIR, ENXIO: .inTheWay
            case ENAMETOOLONG: .nameTooLong
            default: .io(error.number)
            }
        self.init(kind, action, path: path, detail: detail)
    }

    /// One sentence without the advice.
    package var message: String {
        "cannot \(action) \(path): \(reason)" + (detail.map { " (\($0))" } ?? "")
    }

    private var reason: String {
        switch kind {
        case .noSpace: "no space left on the disk"
        case .readOnly: "the file system is read-only"
        case .permission: "permission denied"
        case .vanished: "it is not there (any more)"
        case .changed: "it was changed by somebody else"
        case .tooManyOpenFiles: "too many open files"
        case .inTheWay: "a symlink, a special file or an entry of another kind is in the way"
        case .nameTooLong: "the name is too long for this file system"
        case .locked(let process?): "process \(process) is working on it"
        case .locked(nil): "another process is working on it"
        case .conflict: "what is there is not what the torrent says"
        case .cancelled: "stopped on request"
        case .misuse: "the call does not fit the content"
        case .io(let number): SystemError(number).description
        }
    }

    /// What to do about it, one sentence.
    package var advice: String {
        switch kind {
        case .noSpace: "Free some space and run the same command again: what is finished is kept."
        case .readOnly: "Mount it writable or choose another directory with -o."
        case .permission: "Check the owner and mode of the directory, or choose another one with -o."
        case .vanished: "If the destination was deleted or unmounted on purpose start again, else bring it back first."
        case .changed: "Stop whatever writes there, then run again: the content is checked and repaired."
        case .tooManyOpenFiles: "Raise the limit (ulimit -n) or run fewer transfers at once."
        case .inTheWay: "Move it away, or choose another directory with -o."
        case .nameTooLong: "Choose a destination with a shorter path or on another file system."
        case .locked: "Wait until it is done or stop it."
        case .conflict: "Move it away, choose another directory with -o, or replace it with --overwrite."
        case .cancelled: "Run again to go on."
        case .misuse: "This is a bug: please report it."
        case .io(EFBIG): "This file system cannot hold a file so big: choose another one with -o."
        case .io: "Look at the disk and the system log (dmesg), then run again: what is finished is kept."
        }
    }

    package var description: String { "\(message). \(advice)" }

    /// Whether it is a disk error, for which the command line exits with status 6.
    package var isDiskFault: Bool {
        switch kind {
        case .noSpace, .readOnly, .permission, .vanished, .tooManyOpenFiles, .nameTooLong, .io: true
        case .changed, .inTheWay, .locked, .conflict, .cancelled, .misuse: false
        }
    }
}
