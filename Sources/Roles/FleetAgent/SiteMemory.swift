import Jobs
import SwarmCore
import Synchronization
import Threads

/// The site of this host, as control said last: peers of one site know each other by it. Outlives a restart, as transfers go on before
/// control is heard.
final class SiteMemory: Sendable {
    private let path: String
    private let site: Mutex<String?>

    /// - Parameter path: a file. Read later, by ``load()``.
    init(path: String) {
        self.path = path
        site = Mutex(nil)
    }

    /// Nil to decide by addresses.
    var now: String? { site.withLock { $0 } }

    func load() async {
        let path = path
        let bytes = await Threads.offload { try? PathFiles.read(path, limit: 1024) }
        guard let text = bytes.flatMap({ String(validating: $0, as: UTF8.self) }), Self.isUsable(text) else { return }
        site.withLock { $0 = $0 ?? text }
    }

    /// Transfers that begin afterwards take part as a host of this site.
    func learn(_ new: String?) async {
        let new = new.flatMap { Self.isUsable($0) ? $0 : nil }
        let isNew = site.withLock { site in
            defer { site = new }
            return site != new
        }
        guard isNew else { return }
        let path = path
        await Threads.offload { try? PathFiles.write(Array((new ?? "").utf8), to: path, mode: 0o600) }
    }

    private static func isUsable(_ text: String) -> Bool { (1...Site.longestName).contains(text.utf8.count) }
}
