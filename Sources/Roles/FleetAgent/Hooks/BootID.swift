import Jobs

/// Identifies the current boot of this host.
enum BootID {
    static let now: String = {
        guard let bytes = try? PathFiles.read("/proc/sys/kernel/random/boot_id", limit: 64) else { return "" }
        return String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
    }()
}
