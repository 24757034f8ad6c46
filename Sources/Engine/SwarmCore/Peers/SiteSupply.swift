/// Decides whether pieces and claims of near peers keep us from asking far peers. They do while near peers deliver
/// enough.
///
/// Near peers may be dead, may not serve us, or may have slower links than the far ones. A hostile peer may claim
/// pieces without downloading them, and return under another id when that is detected.
package struct SiteSupply: Sendable {
    private enum Constant {
        /// Seconds over which the bytes from near and far peers are measured.
        static let window = 10.0
        /// Near peers must deliver at least this fraction (one in so many) of what far peers did.
        static let leastShare = 8
        /// Consecutive windows in which nothing at all arrived, although far peers have pieces that we are missing.
        static let mostIdle = 3
    }

    package private(set) var binds = true
    private var windowFrom = 0.0
    private var isSupplied = true
    private var isKept = true
    private var idle = 0
    private var nearBytes = 0
    private var farBytes = 0
    private var mostFarBytes = 0

    package init() {}

    /// Counts bytes from a near or a far peer.
    package mutating func received(_ bytes: Int, fromNear isNear: Bool) {
        if isNear { nearBytes += bytes } else { farBytes += bytes }
    }

    /// Call a few times a second. If it no longer binds, it binds again when near peers deliver their share.
    /// - Parameters:
    ///   - isSupplied: near peers have pieces that we are missing.
    ///   - isKept: far peers that serve us have such pieces.
    package mutating func look(isSupplied: Bool, isKept: Bool, now: Double) {
        self.isSupplied = self.isSupplied && isSupplied
        self.isKept = self.isKept && isKept
        guard now - windowFrom >= Constant.window else { return }
        mostFarBytes = binds ? max(mostFarBytes, farBytes) : farBytes
        if self.isSupplied { binds = nearBytes > 0 && nearBytes >= mostFarBytes / Constant.leastShare }
        idle = self.isKept && nearBytes == 0 && farBytes == 0 ? idle + 1 : 0
        if idle >= Constant.mostIdle { binds = false }
        (windowFrom, nearBytes, farBytes) = (now, 0, 0)
        (self.isSupplied, self.isKept) = (isSupplied, isKept)
    }
}
