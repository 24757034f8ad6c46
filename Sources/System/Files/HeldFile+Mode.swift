import Glibc

extension HeldFile {
    /// Gives the executable bits to all who may read the file, or takes them from all.
    package func setExecutable(_ isExecutable: Bool) throws(SystemError) {
        let status = try status()
        guard status.isExecutable != isExecutable else { return }
        let readers = (status.permissions & 0o444) >> 2
        let wanted = isExecutable ? status.permissions | readers : status.permissions & ~0o111
        try SystemCall.retrying { fchmod(descriptor, mode_t(wanted)) }
    }
}
