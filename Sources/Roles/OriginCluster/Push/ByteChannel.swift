import NIOCore
import Synchronization

/// A bounded channel of bytes between two tasks: one sends, one receives.
package final class ByteChannel: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    private struct State {
        var parts: [ByteBuffer] = []
        var count = 0
        var isEnded = false
        var isBroken = false
        /// Whether the receiver took nothing for as long as the sender waits.
        var isGivenUp = false
        var receiver: CheckedContinuation<ByteBuffer?, Never>?
        var sender: CheckedContinuation<Bool, Never>?
        /// Number of the sender's current wait: a timer ends only the wait that it was started for.
        var waits = 0
    }

    private let state = Mutex(State())
    private let capacity: Int
    /// Most time that the sender waits for the receiver. After that the channel is closed.
    private let patience: Duration

    package init(capacity: Int = 4 << 20, patience: Duration) {
        self.capacity = capacity
        self.patience = patience
    }

    /// Bytes that the receiver has not taken yet.
    package var waiting: Int { state.withLock(\.count) }

    /// Whether the channel was closed since the receiver took nothing for too long.
    package var isGivenUp: Bool { state.withLock(\.isGivenUp) }

    /// Sends bytes, and returns when there is room for more.
    /// - Returns: false if the channel is closed.
    package func send(_ part: ByteBuffer) async -> Bool {
        guard part.readableBytes > 0 else { return !state.withLock(\.isBroken) }
        return await withCheckedContinuation { continuation in
            enum Step {
                case give(CheckedContinuation<ByteBuffer?, Never>)
                case answer(Bool)
                case wait(Int)
            }
            let step = state.withLock { state -> Step in
                if state.isBroken || state.isEnded { return .answer(false) }
                if let receiver = state.receiver {
                    state.receiver = nil
                    return .give(receiver)
                }
                state.parts.append(part)
                state.count += part.readableBytes
                guard state.count > capacity else { return .answer(true) }
                state.sender = continuation
                state.waits += 1
                return .wait(state.waits)
            }
            switch step {
            case .give(let receiver):
                receiver.resume(returning: part)
                continuation.resume(returning: true)
            case .answer(let isTaken): continuation.resume(returning: isTaken)
            case .wait(let number):
                Task { [weak self, patience] in
                    try? await Task.sleep(for: patience)
                    self?.giveUp(number)
                }
            }
        }
    }

    private func giveUp(_ number: Int) {
        let isStalled = state.withLock { state in
            guard state.sender != nil, state.waits == number else { return false }
            state.isGivenUp = true
            return true
        }
        if isStalled { close() }
    }

    /// Marks the end of the bytes. The receiver still gets those that were sent before.
    package func finish() {
        let receiver = state.withLock { state in
            state.isEnded = true
            defer { state.receiver = nil }
            return state.receiver
        }
        receiver?.resume(returning: nil)
    }

    /// Ends the channel at once, and drops all bytes in it.
    package func close() {
        let (receiver, sender) = state.withLock { state in
            (state.isEnded, state.isBroken, state.parts, state.count) = (true, true, [], 0)
            defer { (state.receiver, state.sender) = (nil, nil) }
            return (state.receiver, state.sender)
        }
        receiver?.resume(returning: nil)
        sender?.resume(returning: false)
    }

    private func receive() async -> ByteBuffer? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (part, sender, isOver) = state.withLock { state in
                    guard !state.parts.isEmpty else {
                        if state.isEnded { return (nil as ByteBuffer?, nil as CheckedContinuation<Bool, Never>?, true) }
                        state.receiver = continuation
                        return (nil, nil, false)
                    }
                    let part = state.parts.removeFirst()
                    state.count -= part.readableBytes
                    guard state.count <= capacity / 2 else { return (part, nil, false) }
                    defer { state.sender = nil }
                    return (part, state.sender, false)
                }
                sender?.resume(returning: true)
                if let part {
                    continuation.resume(returning: part)
                } else if isOver {
                    continuation.resume(returning: nil)
                }
            }
        } onCancel: {
            close()
        }
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        let channel: ByteChannel
        package func next() async -> ByteBuffer? { await channel.receive() }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(channel: self) }
}
