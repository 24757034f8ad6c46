extension FileLayer {
    /// Up to `count` bytes from `offset`, fewer where the file ends.
    package func read(_ descriptor: Descriptor, count: Int, at offset: Int64) throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(SystemError) {
                initialized = try read(descriptor, into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    package func write(_ descriptor: Descriptor, _ bytes: [UInt8], at offset: Int64) throws(SystemError) {
        let failure = bytes.withUnsafeBytes { buffer -> SystemError? in
            do throws(SystemError) {
                try write(descriptor, buffer, at: offset)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    // By paths as text.

    package func openDirectory(path: String) throws(SystemError) -> Descriptor {
        try openDirectory(path: SystemPath(path))
    }

    package func makeDirectories(path: String) throws(SystemError) { try makeDirectories(path: SystemPath(path)) }
}
