import Glibc

/// A file that is being written beside its name and gets the name in one step: after a crash the old or the new file is
/// there, whole. An entry that has the name is replaced, never written through.
///
/// If this goes before `commit` has renamed it, the temporary file is removed.
package struct AtomicFile: ~Copyable {
    /// What a file is called before it gets its name.
    package enum Temporary {
        /// Always the same name, for files that one process at a time writes. What a crash left there is removed first.
        case fixed(FileName)
        /// The names for 0, 1, … in turn, until one is free.
        case free((Int) -> FileName?)

        /// A random name between two fixed parts, which say whose it is.
        package static func random(prefix: String, suffix: String = "") -> Temporary {
            .free { _ in FileName(prefix + String(UInt64.random(in: 0 ... .max), radix: 36) + suffix) }
        }
    }

    /// Attempts to find a free name.
    private static let mostNames = 100

    /// Of the new file.
    package let descriptor: Descriptor
    private let layer: any FileLayer
    private let directory: Descriptor
    private let name: FileName
    private let temporary: FileName
    /// Keeps the directory open, where it is held.
    private let holder: HeldDirectory?
    private var isNamed = false

    /// Creates the temporary file.
    /// - Parameters:
    ///   - directory: must stay open until this is gone.
    ///   - options: beside creating it exclusively.
    ///   - holder: of the directory, where there is one.
    init(
        _ name: FileName, in directory: Descriptor, temporary: Temporary, _ options: OpenOptions = .writeOnly,
        holder: HeldDirectory? = nil, layer: any FileLayer
    ) throws(SystemError) {
        self.layer = layer
        self.holder = holder
        self.directory = directory
        self.name = name
        (self.temporary, descriptor) = try Self.create(temporary, in: directory, options, layer)
    }

    private static func create(
        _ temporary: Temporary, in directory: Descriptor, _ options: OpenOptions, _ layer: any FileLayer
    ) throws(SystemError) -> (FileName, Descriptor) {
        let options = options.union([.create, .exclusive])
        switch temporary {
        case .fixed(let name):
            do throws(SystemError) {
                return (name, try layer.open(name, in: directory, options))
            } catch  where error.number == EEXIST {
                // A link or another's hard link may have the name: it must not be written through.
                try layer.remove(name, in: directory, isDirectory: false)
                return (name, try layer.open(name, in: directory, options))
            }
        case .free(let candidate):
            for number in 0..<mostNames {
                guard let name = candidate(number) else { throw SystemError(EINVAL) }
                do throws(SystemError) {
                    return (name, try layer.open(name, in: directory, options))
                } catch  where error.number == EEXIST {}
            }
            throw SystemError(EEXIST)
        }
    }

    /// Writes what is the whole file.
    package func write(_ bytes: [UInt8]) throws(SystemError) { try layer.write(descriptor, bytes, at: 0) }

    /// Makes the new file durable, gives it its name and makes that durable.
    /// - Parameter isDurable: false for what can be made again at any time: only the step is kept then.
    package mutating func commit(isDurable: Bool = true) throws(SystemError) {
        if isDurable { try layer.synchronize(descriptor, dataOnly: false) }
        try layer.rename(temporary, in: directory, to: name, in: directory, .replace)
        isNamed = true
        guard isDurable else { return }
        if let holder { try holder.synchronize() } else { try layer.synchronizeEntries(of: directory) }
    }

    deinit {
        layer.close(descriptor)
        if !isNamed { try? layer.remove(temporary, in: directory, isDirectory: false) }
    }
}

extension FileLayer {
    /// Replaces a file by `bytes` in one step, durably.
    package func replaceFile(
        _ name: FileName, in directory: Descriptor, with bytes: [UInt8], temporary: AtomicFile.Temporary,
        _ options: OpenOptions = .writeOnly, isDurable: Bool = true
    ) throws(SystemError) {
        var file = try AtomicFile(name, in: directory, temporary: temporary, options, layer: self)
        try file.write(bytes)
        try file.commit(isDurable: isDurable)
    }
}
