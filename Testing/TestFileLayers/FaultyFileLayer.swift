import Files
import Glibc
import Synchronization

/// For tests: passes everything on to another layer, and fails on cue.
package final class FaultyFileLayer: FileLayer {
    package enum Operation: Sendable, Hashable, CaseIterable {
        case openDirectory, open, create, read, write, synchronize, truncate, allocate, makeDirectory, rename, remove,
            list
        case status, clone, copy
    }

    private struct Fault {
        let operations: Set<Operation>
        let error: SystemError
        var bytesLeft: Int
        var callsLeft: Int
        var times: Int
    }

    private let base: any FileLayer
    private let faults = Mutex<[Fault]>([])
    private let counts = Mutex<[Operation: Int]>([:])
    private let interruption = Mutex<(callsLeft: Int, action: @Sendable () -> Void)?>(nil)

    package init(_ base: any FileLayer = SystemFileLayer()) { self.base = base }

    /// From now on these operations fail, each counted together.
    /// - Parameters:
    ///   - afterBytes: for writes: so many bytes still go through, even part of one write, as on a disk that fills up.
    ///   - afterCalls: so many calls still go through.
    ///   - times: after so many failures the fault is gone.
    package func fail(
        _ operations: Set<Operation>, with number: Int32, afterBytes: Int = 0, afterCalls: Int = 0, times: Int = .max
    ) {
        let fault = Fault(
            operations: operations, error: SystemError(number), bytesLeft: afterBytes, callsLeft: afterCalls,
            times: times)
        faults.withLock { $0.append(fault) }
    }

    /// Runs `action` once, in the middle of what uses this layer: before the call that follows `calls` further ones.
    /// Only calls that can fail count.
    package func interrupt(afterCalls calls: Int, _ action: @escaping @Sendable () -> Void) {
        interruption.withLock { $0 = (calls, action) }
    }

    /// Nothing fails any more.
    package func heal() { faults.withLock { $0 = [] } }

    /// How often an operation was asked for.
    package func count(of operation: Operation) -> Int { counts.withLock { $0[operation] ?? 0 } }

    /// How many of `bytes` go through before the failure; nil when there is none.
    private func failure(of operation: Operation, bytes: Int = 0) -> (SystemError, passed: Int)? {
        let action = interruption.withLock { interruption -> (@Sendable () -> Void)? in
            guard let (callsLeft, action) = interruption else { return nil }
            interruption = callsLeft > 0 ? (callsLeft - 1, action) : nil
            return callsLeft > 0 ? nil : action
        }
        action?()
        counts.withLock { $0[operation, default: 0] += 1 }
        return faults.withLock { faults in
            for index in faults.indices where faults[index].operations.contains(operation) && faults[index].times > 0 {
                if faults[index].callsLeft > 0 {
                    faults[index].callsLeft -= 1
                    continue
                }
                if operation == .write, bytes <= faults[index].bytesLeft {
                    faults[index].bytesLeft -= bytes
                    continue
                }
                faults[index].times -= 1
                defer { faults[index].bytesLeft = 0 }
                return (faults[index].error, passed: faults[index].bytesLeft)
            }
            return nil
        }
    }

    private func check(_ operation: Operation) throws(SystemError) {
        if let (error, _) = failure(of: operation) { throw error }
    }

    package func openDirectory(path: SystemPath) throws(SystemError) -> Descriptor {
        try check(.openDirectory)
        return try base.openDirectory(path: path)
    }

    package func makeDirectories(path: SystemPath) throws(SystemError) {
        try check(.makeDirectory)
        try base.makeDirectories(path: path)
    }

    package func openDirectory(
        _ name: FileName, in directory: Descriptor, followSymlink: Bool
    ) throws(SystemError) -> Descriptor {
        try check(.openDirectory)
        return try base.openDirectory(name, in: directory, followSymlink: followSymlink)
    }

    package func open(_ name: FileName, in directory: Descriptor, _ options: OpenOptions) throws(SystemError)
        -> Descriptor
    {
        try check(options.contains(.create) ? .create : .open)
        return try base.open(name, in: directory, options)
    }

    package func close(_ descriptor: Descriptor) { base.close(descriptor) }

    package func read(
        _ descriptor: Descriptor, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(SystemError) -> Int {
        try check(.read)
        return try base.read(descriptor, into: buffer, at: offset)
    }

    package func write(_ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError)
    {
        guard let (error, passed) = failure(of: .write, bytes: bytes.count) else {
            return try base.write(descriptor, bytes, at: offset)
        }
        if passed > 0 { try base.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes.prefix(passed)), at: offset) }
        throw error
    }

    package func synchronize(_ descriptor: Descriptor, dataOnly: Bool) throws(SystemError) {
        try check(.synchronize)
        try base.synchronize(descriptor, dataOnly: dataOnly)
    }

    package func synchronizeFileSystem(_ descriptor: Descriptor) throws(SystemError) {
        try check(.synchronize)
        try base.synchronizeFileSystem(descriptor)
    }

    package func truncate(_ descriptor: Descriptor, to length: Int64) throws(SystemError) {
        try check(.truncate)
        try base.truncate(descriptor, to: length)
    }

    package func allocate(_ descriptor: Descriptor, length: Int64) throws(SystemError) {
        try check(.allocate)
        try base.allocate(descriptor, length: length)
    }

    package func freeSpace(_ descriptor: Descriptor) throws(SystemError) -> Int64 { try base.freeSpace(descriptor) }

    package func status(_ descriptor: Descriptor) throws(SystemError) -> FileStatus {
        try check(.status)
        return try base.status(descriptor)
    }

    package func status(
        _ name: FileName, in directory: Descriptor, followSymlink: Bool
    ) throws(SystemError) -> FileStatus? {
        try check(.status)
        return try base.status(name, in: directory, followSymlink: followSymlink)
    }

    package func makeDirectory(_ name: FileName, in directory: Descriptor) throws(SystemError) {
        try check(.makeDirectory)
        try base.makeDirectory(name, in: directory)
    }

    package func rename(
        _ name: FileName, in directory: Descriptor, to newName: FileName, in newDirectory: Descriptor,
        _ mode: RenameMode
    ) throws(SystemError) {
        try check(.rename)
        try base.rename(name, in: directory, to: newName, in: newDirectory, mode)
    }

    package func link(
        _ name: FileName, in directory: Descriptor, to newName: FileName, in newDirectory: Descriptor
    ) throws(SystemError) {
        try base.link(name, in: directory, to: newName, in: newDirectory)
    }

    package func remove(_ name: FileName, in directory: Descriptor, isDirectory: Bool) throws(SystemError) {
        try check(.remove)
        try base.remove(name, in: directory, isDirectory: isDirectory)
    }

    package func list(_ directory: Descriptor) throws(SystemError) -> [FileName] {
        try check(.list)
        return try base.list(directory)
    }

    package func nextData(_ descriptor: Descriptor, from offset: Int64) throws(SystemError) -> Int64? {
        try base.nextData(descriptor, from: offset)
    }

    package func nextHole(_ descriptor: Descriptor, from offset: Int64) throws(SystemError) -> Int64? {
        try base.nextHole(descriptor, from: offset)
    }

    package func clone(_ source: Descriptor, to target: Descriptor) throws(SystemError) {
        try check(.clone)
        try base.clone(source, to: target)
    }

    package func copy(
        _ source: Descriptor, from offset: Int64, to target: Descriptor, at targetOffset: Int64, length: Int
    ) throws(SystemError) -> Int {
        try check(.copy)
        return try base.copy(source, from: offset, to: target, at: targetOffset, length: length)
    }

    package func lock(_ descriptor: Descriptor) throws(SystemError) -> Bool { try base.lock(descriptor) }
    package func canonicalPath(_ path: String) throws(SystemError) -> String { try base.canonicalPath(path) }
}
