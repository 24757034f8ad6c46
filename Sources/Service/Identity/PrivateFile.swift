import Files
import Glibc
import Text

/// A small file for a secret, which only its owner and group may read. All calls block.
package enum PrivateFile {
    /// Maximum length of a file that is read, in bytes.
    private static let longest = 64 << 10

    /// Reads the file.
    /// - Returns: nil if there is no such file.
    /// - Throws: if the file cannot be read, if its group may write it, or if others may read, write or execute it.
    package static func read(_ path: String) throws(IdentityProblem) -> [UInt8]? {
        let file: SmallFile
        do throws(SystemError) {
            file = try SystemFileLayer().readSmallFile(SystemPath(path), limit: longest, followSymlink: true)
        } catch {
            if error.number == ENOENT { return nil }
            throw IdentityProblem("\(path) cannot be read: \(error)")
        }
        guard file.status.permissions & 0o027 == 0 else {
            throw IdentityProblem("\(path) can be read or changed by others: chmod 600 \(path)")
        }
        return file.bytes
    }

    /// Creates the file with mode 600, complete and durable.
    /// - Returns: false if a file of that name exists. That file is not changed.
    package static func create(_ path: String, _ bytes: [UInt8]) throws(IdentityProblem) -> Bool {
        do throws(SystemError) {
            return try create(SystemPath(path), bytes)
        } catch {
            throw IdentityProblem("\(path) cannot be made: \(error)")
        }
    }

    /// Replaces the file atomically and durably, with mode 600.
    package static func replace(_ path: String, _ bytes: [UInt8]) throws(IdentityProblem) {
        do throws(SystemError) {
            let (directory, name) = try HeldDirectory.holding(SystemPath(path))
            let temporary = try temporary(in: directory, bytes)
            do throws(SystemError) {
                try directory.layer.rename(
                    temporary, in: directory.descriptor, to: name, in: directory.descriptor, .replace)
            } catch {
                try? directory.layer.remove(temporary, in: directory.descriptor, isDirectory: false)
                throw error
            }
            try directory.synchronize()
        } catch {
            throw IdentityProblem("\(path) cannot be written: \(error)")
        }
    }

    /// Removes the file, if it exists.
    package static func remove(_ path: String) {
        guard let (directory, name) = try? HeldDirectory.holding(SystemPath(path)) else { return }
        _ = try? directory.removeFile(name)
    }

    private static func create(_ path: SystemPath, _ bytes: [UInt8]) throws(SystemError) -> Bool {
        let (directory, name) = try HeldDirectory.holding(path)
        let temporary = try temporary(in: directory, bytes)
        // link(2) fails if the name is taken. So of two processes only one creates the file, and no process ever sees a
        // part of it.
        defer { try? directory.layer.remove(temporary, in: directory.descriptor, isDirectory: false) }
        do throws(SystemError) {
            try directory.layer.link(temporary, in: directory.descriptor, to: name, in: directory.descriptor)
        } catch {
            if error.number == EEXIST { return false }
            throw error
        }
        try directory.synchronize()
        return true
    }

    /// Creates a durable file with mode 600 and these bytes, under a random name.
    private static func temporary(in directory: HeldDirectory, _ bytes: [UInt8]) throws(SystemError) -> FileName {
        guard let name = FileName(".new-" + String(UInt64.random(in: 0 ... .max), radix: 36)) else {
            throw SystemError(EINVAL)
        }
        let descriptor = try SystemCall.retrying {
            openat(
                directory.descriptor, name.terminated, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                mode_t(0o600))
        }
        let file = HeldFile(descriptor)
        do throws(SystemError) {
            try directory.layer.write(file.descriptor, bytes, at: 0)
            try file.synchronize()
        } catch {
            try? directory.layer.remove(name, in: directory.descriptor, isDirectory: false)
            throw error
        }
        return name
    }
}

extension HostKey {
    /// Reads the key from a file. If there is no such file, creates a key and the file. Blocks.
    package static func inFile(_ path: String) throws(IdentityProblem) -> HostKey {
        if let known = try read(path) { return known }
        let new = HostKey()
        if try PrivateFile.create(path, Array(new.pem.value.utf8)) { return new }
        // Another process has created it in the meantime.
        guard let known = try read(path) else { throw IdentityProblem("\(path) is gone") }
        return known
    }

    /// Reads the key from a file; nil if there is no such file. Blocks.
    package static func read(_ path: String) throws(IdentityProblem) -> HostKey? {
        guard let bytes = try PrivateFile.read(path) else { return nil }
        do throws(IdentityProblem) { return try HostKey(pem: Secret(String(decoding: bytes, as: UTF8.self))) } catch {
            throw IdentityProblem("\(path) \(error)")
        }
    }
}
