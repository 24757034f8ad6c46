import Files
import Glibc
import Synchronization

/// Properties of a terminal, and unbuffered writing to descriptors.
enum Terminal {
    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Current number of columns of the terminal at `descriptor`, which may be resized at any time. 80 if unknown.
    static func width(_ descriptor: Int32) -> Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Obeys https://no-color.org and `TERM=dumb`; uses block characters only if the locale is UTF-8.
    static func style(_ variable: (String) -> String? = environment) -> ProgressText.Style {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap(variable).first { !$0.isEmpty } ?? ""
        let utf8 = locale.uppercased().contains("UTF-8") || locale.uppercased().contains("UTF8")
        return ProgressText.Style(color: (variable("NO_COLOR") ?? "").isEmpty, unicode: utf8)
    }

    /// Whether lines can be redrawn in place.
    static func canRedraw(_ descriptor: Int32) -> Bool {
        isTerminal(descriptor) && environment("TERM") != "dumb"
    }

    static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The error number of a result that the disk did not take; 0 if there is none.
    private static let lost = Atomic<CInt>(0)

    /// Why a result was not written; nil if all were. A reader who has gone is no problem.
    static var lostResult: SystemError? {
        let number = lost.load(ordering: .relaxed)
        return number == 0 ? nil : SystemError(number)
    }

    /// Writes everything or gives up: a missing reader must not stop a transfer.
    static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                bytes = bytes.dropFirst(written)
            } else if written < 0, errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&waiting, 1, 1000) > 0 else { return }
            } else if written < 0, errno == EINTR {
                continue
            } else {
                if written < 0, descriptor == 1, [ENOSPC, EDQUOT, EIO, EFBIG].contains(errno) {
                    lost.store(errno, ordering: .relaxed)
                }
                return
            }
        }
    }
}
