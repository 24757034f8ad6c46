import Files
import Glibc
import JSON
import Registry
import RegistryClient
import RegistryTransfer
import Synchronization
import Threads

/// Gets blobs from this host's agent. Each comes as a file descriptor of the agent's cache; the kernel then copies the
/// file, or lets both files share their blocks.
package struct AgentSource: BlobSource {
    private let path: String
    private let name: ContentName
    private let manifest: BlobDigest

    /// Seconds without a received byte after which a fetch fails; nil for no limit.
    private let patience: Double?

    /// Milliseconds without a line from the agent after which it counts as gone.
    private static let silence: Int32 = 30_000
    /// Most seconds to wait for a place at the agent, which has a bounded number of them for each user, and microseconds between
    /// tries.
    private static let (placeSeconds, placePause) = (300.0, UInt32(250_000))

    /// Seconds to wait for an agent that has gone in the middle of a fetch: a service manager starts it again.
    private static let returnSeconds = 10.0

    /// - Parameters:
    ///   - manifest: the manifest that the blobs belong to.
    ///   - patience: seconds without a received byte after which a fetch fails; nil for no limit.
    /// - Returns: nil if no agent listens at the path.
    package init?(path: String, name: ContentName, manifest: BlobDigest, patience: Double? = nil) {
        guard DescriptorProtocol.connect(to: path) != nil else { return nil }
        self.patience = patience
        self.path = path
        self.name = name
        self.manifest = manifest
    }

    package func fetch(
        _ blob: WantedBlob, into file: HeldFile, progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        try await onThread { isCancelled throws(PullError) in
            let (cached, channel) = try obtain(blob, progress, isCancelled)
            // While the connection lasts, the agent keeps the blob.
            defer { withExtendedLifetime(channel) {} }
            let isWhole = try onDisk("copy to", "\(blob.digest)") { () throws(SystemError) in
                try file.truncate(to: 0)
                return try FileCopy.run(from: cached, to: file, isCancelled: isCancelled)
            }
            guard isWhole else { throw .cancelled }
            progress(.here(blob.size))
        }
    }

    package func stream(
        _ blob: WantedBlob, to write: @escaping @Sendable (UnsafeRawBufferPointer) throws(PullError) -> Void,
        progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        try await onThread { isCancelled throws(PullError) in
            let (cached, channel) = try obtain(blob, progress, isCancelled)
            // While the connection lasts, the agent keeps the blob.
            defer { withExtendedLifetime(channel) {} }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
            defer { buffer.deallocate() }
            var position: Int64 = 0
            while !isCancelled() {
                let count = try onDisk("read", "\(blob.digest)") { () throws(SystemError) in
                    try cached.read(into: buffer, at: position)
                }
                if count == 0 { return }
                try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                position += Int64(count)
                progress(.here(position))
            }
            throw .cancelled
        }
    }

    /// Gets a blob from the agent. An agent that ends meanwhile and is started again goes on with what it had, so it is waited for, as
    /// long as it brings something.
    private func obtain(
        _ blob: WantedBlob, _ progress: (BlobProgress) -> Void, _ isCancelled: () -> Bool
    ) throws(PullError) -> (HeldFile, DescriptorChannel) {
        var course = AgentFetch(size: blob.size, patience: patience, now: Clocks.steadySeconds)
        while true {
            var isLost = false
            do throws(PullError) {
                return try receive(blob, &course, progress, isCancelled, isLost: &isLost)
            } catch {
                if isCancelled() { throw .cancelled }
                guard isLost, course.lost(), try isBack(course, progress, isCancelled) else { throw error }
            }
        }
    }

    /// Waits for an agent that has gone.
    /// - Returns: whether one listens again.
    private func isBack(
        _ course: AgentFetch, _ progress: (BlobProgress) -> Void, _ isCancelled: () -> Bool
    ) throws(PullError) -> Bool {
        let end = course.end(ofWait: Self.returnSeconds, now: Clocks.steadySeconds)
        progress(.waiting("this host's agent has gone; it is waited for"))
        while Clocks.steadySeconds < end {
            if isCancelled() { throw .cancelled }
            if DescriptorProtocol.connect(to: path) != nil { return true }
            usleep(Self.placePause)
        }
        if isCancelled() { throw .cancelled }
        return false
    }

    /// Asks the agent for a blob, and waits until the agent has it.
    /// - Parameter isLost: set if the agent was there and has gone.
    private func receive(
        _ blob: WantedBlob, _ course: inout AgentFetch, _ progress: (BlobProgress) -> Void, _ isCancelled: () -> Bool,
        isLost: inout Bool
    ) throws(PullError) -> (HeldFile, DescriptorChannel) {
        var hasBegun = false
        do {
            let (channel, first) = try ask(blob, course, progress, isCancelled)
            hasBegun = true
            course.began(now: Clocks.steadySeconds)
            var reason = "the agent does not say why"
            var next: (JSONValue, HeldFile?)? = first
            while let (value, file) = next {
                if isCancelled() { throw PullError.cancelled }
                switch DescriptorProtocol.Answer(value) {
                case .progress(let done, _, let peers, let origins, let trouble)?:
                    let now = Clocks.steadySeconds
                    progress(.here(done))
                    let count = course.progressed(to: done, now: now)
                    if count > 0 { progress(.received(count)) }
                    progress(.sources(peers: peers, origins: origins))
                    if let trouble {
                        progress(.waiting(trouble))
                        reason = trouble
                    }
                    if course.isOverdue(now: now) {
                        // Whoever else has it is asked then.
                        throw PullError.registry(
                            .refused(registry: "the agent", status: 503, code: "", message: reason))
                    }
                case .ready(let wasCached)?:
                    guard let file else { throw SystemError(EPROTO) }
                    guard try file.status().size == blob.size else {
                        throw PullError.wrongSize(blob.digest, expected: blob.size, found: try file.status().size)
                    }
                    if let count = course.finished(wasCached: wasCached) {
                        if count > 0 { progress(.received(count)) }
                    } else {
                        progress(.cached)
                    }
                    return (file, channel)
                case .failed(let isUnknown, let text)?:
                    throw PullError.registry(
                        isUnknown
                            ? .unknown(text) : .refused(registry: "the agent", status: 503, code: "", message: text))
                case nil: throw SystemError(EPROTO)
                }
                next = try channel.receive(milliseconds: Self.silence)
            }
            throw SystemError(ECONNRESET)
        } catch let error as PullError {
            throw error
        } catch {
            if let error = error as? SystemError { isLost = course.isLoss(error.number, hasBegun: hasBegun) }
            throw .registry(
                .refused(registry: "the agent at \(path)", status: 503, code: "", message: "it has gone: \(error)"))
        }
    }

    /// Asks for a blob, and waits for the first line. An agent that closes the connection before has no place for it now: pulls
    /// of the same user have them all.
    private func ask(
        _ blob: WantedBlob, _ course: AgentFetch, _ progress: (BlobProgress) -> Void, _ isCancelled: () -> Bool
    ) throws -> (DescriptorChannel, (JSONValue, HeldFile?)) {
        let end = course.end(ofWait: Self.placeSeconds, now: Clocks.steadySeconds)
        var isFirst = true
        while isFirst || Clocks.steadySeconds < end {
            if isCancelled() { throw PullError.cancelled }
            if !isFirst {
                progress(.waiting("this host's agent has no place for it now"))
                usleep(Self.placePause)
            }
            isFirst = false
            guard let channel = DescriptorProtocol.connect(to: path) else { throw SystemError(ECONNREFUSED) }
            do throws(SystemError) {
                try channel.send(DescriptorProtocol.Request(name: name, manifest: manifest, blob: blob.digest).json)
                if let first = try channel.receive(milliseconds: Self.silence) { return (channel, first) }
            } catch {
                guard [EPIPE, ECONNRESET].contains(error.number) else { throw error }
            }
        }
        throw SystemError(ECONNRESET)
    }

    private func onThread<Value: Sendable>(
        _ body: @escaping @Sendable (@Sendable () -> Bool) throws(PullError) -> Value
    ) async throws(PullError) -> Value {
        let flag = StopFlag()
        let result = await withTaskCancellationHandler {
            await Threads.offload(name: "swoop-pull") { () -> Result<Value, PullError> in
                do throws(PullError) { return .success(try body { flag.isSet }) } catch { return .failure(error) }
            }
        } onCancel: {
            flag.set()
        }
        return try result.get()
    }
}

/// Tells a thread to stop its work.
final class StopFlag: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}
