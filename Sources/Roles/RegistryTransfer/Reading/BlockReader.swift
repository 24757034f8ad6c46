import Files
import Hashing
import NIOCore
import Reactor
import Registry
import Synchronization

/// Reads and hashes a file once from beginning to end, and returns its blocks from an offset on.
///
/// A thread of the pool reads ahead until `limits.blocksAhead` blocks are ready. It then returns to the pool, and a thread
/// goes on when a block is taken. So memory is bounded, and no thread waits.
final class BlockReader: Sendable {
    /// A position in the file at which reading and hashing can be resumed.
    struct Mark: Sendable {
        var position: Int64 = 0
        var hasher = SHA256Stream()
    }

    private struct State {
        var ready: [ByteBuffer] = []
        var waiting: CheckedContinuation<Void, Never>?
        var isWorking = false
        var isStopped = false
        var outcome: Result<BlobDigest, PushError>?
        var marks: [Mark] = []
    }

    private let file: HeldFile
    private let path: String
    private let size: Int64
    private let firstWanted: Int64
    private let limits: RegistryTransferLimits
    private let pool: WorkerPool
    private let read: @Sendable (Int) -> Void
    private let state = Mutex(State())
    /// The present position. Only the reading thread uses it.
    private let place: Mutex<Mark>

    /// - Parameters:
    ///   - path: the file's path in messages.
    ///   - firstWanted: the offset of the first block to return. Bytes before it are only hashed.
    ///   - mark: the position at which to begin, at or before `firstWanted`.
    ///   - read: called with the number of bytes of each read, on a thread of the pool.
    init(
        _ file: HeldFile, path: String, size: Int64, from firstWanted: Int64, mark: Mark = Mark(),
        limits: RegistryTransferLimits, pool: WorkerPool, read: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.file = file
        self.path = path
        self.size = size
        self.firstWanted = firstWanted
        self.limits = limits
        self.pool = pool
        self.read = read
        place = Mutex(mark)
    }

    /// The next block; nil after the last.
    func next() async throws(PushError) -> ByteBuffer? {
        while true {
            let (block, outcome, begins) = state.withLock {
                state -> (ByteBuffer?, Result<BlobDigest, PushError>?, Bool) in
                let block = state.ready.isEmpty ? nil : state.ready.removeFirst()
                let begins = !state.isWorking && state.outcome == nil && !state.isStopped
                if begins { state.isWorking = true }
                return (block, state.isStopped ? .failure(.cancelled) : state.outcome, begins)
            }
            if begins { pool.submit { self.work() } }
            if let block { return block }
            if let outcome {
                _ = try outcome.get()
                return nil
            }
            await wait()
        }
    }

    /// Reads the file to its end, and returns the digest of the whole file.
    func digest() async throws(PushError) -> BlobDigest {
        while try await next() != nil {}
        guard let outcome = state.withLock({ $0.outcome }) else { throw .cancelled }
        return try outcome.get()
    }

    /// Stops reading. Waiting calls throw `.cancelled`.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.ready = []
            defer { state.waiting = nil }
            return state.waiting
        }?.resume()
    }

    /// The last position at or before an offset at which reading can be resumed.
    func mark(before offset: Int64) -> Mark {
        state.withLock { state in state.marks.last { $0.position <= offset } } ?? Mark()
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.ready.isEmpty || state.outcome != nil || state.isStopped { return true }
                    state.waiting = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            stop()
        }
    }

    // MARK: On a thread of the pool

    private func work() {
        while step() {}
    }

    /// Reads one block. False when enough blocks are ready, or nothing is left to read.
    private func step() -> Bool {
        let result = place.withLock { readBlock(&$0) }
        let (waiting, goesOn) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
            switch result {
            case .success(let block):
                if let block, !state.isStopped { state.ready.append(block.bytes) }
                if let mark = block?.mark { keep(mark, &state) }
                if let end = block?.end { state.outcome = .success(end) }
            case .failure(let error): state.outcome = .failure(error)
            }
            let goesOn = state.outcome == nil && !state.isStopped && state.ready.count < limits.blocksAhead
            state.isWorking = goesOn
            guard !state.ready.isEmpty || state.outcome != nil else { return (nil, goesOn) }
            defer { state.waiting = nil }
            return (state.waiting, goesOn)
        }
        waiting?.resume()
        return goesOn
    }

    private struct Step {
        var bytes = ByteBuffer()
        var mark: Mark?
        var end: BlobDigest?
    }

    private func keep(_ mark: Mark, _ state: inout State) {
        state.marks.append(mark)
        // After a failed part, reading resumes at its mark, or at the one before if the registry has fewer bytes than it had
        // reported.
        if state.marks.count > 3 { state.marks.removeFirst() }
    }

    private func readBlock(_ place: inout Mark) -> Result<Step?, PushError> {
        var step = Step()
        let left = size - place.position
        var length = Int(min(Int64(limits.blockBytes), left))
        // A block ends where the wanted bytes begin, and where a mark is made.
        if place.position < firstWanted { length = Int(min(Int64(length), firstWanted - place.position)) }
        length = Int(min(Int64(length), limits.partBytes - place.position % limits.partBytes))
        if length > 0 {
            var buffer = ByteBufferAllocator().buffer(capacity: length)
            var failure: Files.SystemError?
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { space in
                do throws(Files.SystemError) {
                    return try file.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: space[..<length]), at: place.position)
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { return .failure(.system("read", path: path, failure)) }
            guard buffer.readableBytes == length else { return .failure(.changed(path: path)) }
            place.hasher.update(buffer)
            if place.position >= firstWanted { step.bytes = buffer }
            place.position += Int64(length)
            read(length)
            if place.position % limits.partBytes == 0 { step.mark = place }
        }
        if place.position == size { step.end = place.hasher.blobDigest }
        return .success(step.bytes.readableBytes > 0 || step.mark != nil || step.end != nil ? step : nil)
    }
}
