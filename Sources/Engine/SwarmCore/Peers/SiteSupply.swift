/// Whether what near peers have and claim keeps us from asking far ones: while near ones give enough.
///
/// They may be dead, may not serve us, or have lines much thinner than that to the others; they may claim what they do not
/// fetch, and come again under another name when that is noticed.
struct SiteSupply: Sendable {
    private enum Constant {
        /// Seconds over which it is seen what near and far peers give.
        static let window = 10.0
        /// Near peers give at least this part of what far ones did.
        static let leastShare = 8
        /// So many windows one after the other in which nothing at all came, though far peers have what we lack.
        static let mostIdle = 3
    }

    private(set) var binds = true
    private var windowFrom = 0.0
    private var isSupplied = true
    private var isKept = true
    private var idle = 0
    private var nearBytes = 0
    private var farBytes = 0
    private var mostFarBytes = 0

    /// Bytes that a near or a far peer gave.
    mutating func received(_ bytes: Int, fromNear isNear: Bool) {
        if isNear { nearBytes += bytes } else { farBytes += bytes }
    }

    /// To be called a few times a second. Once it does not bind, it does again when near peers give their share.
    /// - Parameters:
    ///   - isSupplied: near peers have something that we lack.
    ///   - isKept: far peers that serve us have.
    mutating func look(isSupplied: Bool, isKept: Bool, now: Double) {
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
