import Files
import Fleet
import Synchronization
import Threads

/// Events of a host for control, durable until control has made them durable itself.
package final class EventQueue: Sendable {
    private struct State {
        var pending: PendingEvents
        /// Nil for a host that lives as long as the process.
        var file: EventFile?
        /// Bytes in the file that control has.
        var done = 0
    }

    /// The file is written anew when so many bytes of it are acknowledged, or nothing else is left.
    private static let slack = 1 << 20

    private let state: Mutex<State>
    /// Whether there is a file, which blocks.
    private let isDurable: Bool

    private init(_ state: consuming State) {
        isDurable = state.file != nil
        self.state = Mutex(state)
    }

    /// Opens the queue of a directory.
    package static func open(_ memory: LinkMemory) async throws(LinkProblem) -> EventQueue {
        guard case .directory(let path) = memory else { return EventQueue(State(pending: PendingEvents())) }
        do {
            return try await Threads.offload { () throws(SystemError) in
                let (file, content) = try EventFile.open(path)
                var pending = PendingEvents(next: content.next, most: SyncRequest.mostEventBytes)
                for (event, size) in content.events { _ = pending.append(event, size: size) }
                return EventQueue(State(pending: pending, file: file))
            }
        } catch {
            throw .local("the events in \(path) cannot be read: \(error)")
        }
    }

    /// Takes an event; when this returns it is durable.
    /// - Parameter make: makes the event with its number.
    package func append(_ make: @escaping @Sendable (UInt64) -> AgentEvent) async throws(LinkProblem) -> UInt64 {
        let append: @Sendable () -> Result<UInt64, LinkProblem> = { [self] in
            state.withLock { state in
                let event = make(state.pending.next)
                let bytes = event.bytes
                var pending = state.pending
                guard pending.append(event, size: bytes.count) else { return .failure(.tooManyEvents) }
                do throws(SystemError) { try state.file?.append([bytes]) } catch {
                    return .failure(.local("an event cannot be written: \(error)"))
                }
                state.pending = pending
                return .success(event.number)
            }
        }
        return try (isDurable ? await Threads.offload(append) : append()).get()
    }

    /// Control has made all durable up to this number.
    func acknowledge(upTo number: UInt64) async {
        let isNews = state.withLock { $0.pending.all.first.map { $0.number <= number } ?? false }
        guard isNews else { return }
        let acknowledge: @Sendable () -> Void = { [self] in
            state.withLock { state in
                let before = state.pending.bytes
                state.pending.acknowledge(upTo: number)
                state.done += before - state.pending.bytes
                guard state.done > Self.slack || state.pending.isEmpty, let file = state.file else { return }
                // If it fails, acknowledged events come once more after a restart, which does no harm.
                guard let new = try? file.replaced(next: state.pending.next, state.pending.all) else { return }
                state.file = new
                state.done = 0
            }
        }
        if isDurable { await Threads.offload(acknowledge) } else { acknowledge() }
    }

    /// A new key: what waits is numbered from 1 again.
    func renumber() async throws(LinkProblem) {
        let result = await Threads.offload { [self] () -> Result<Void, LinkProblem> in
            state.withLock { state in
                var pending = PendingEvents()
                for event in state.pending.all {
                    let event = AgentEvent(
                        number: pending.next, job: event.job, attempt: event.attempt, time: event.time,
                        report: event.report, detail: event.detail, receipt: event.receipt)
                    _ = pending.append(event, size: event.bytes.count)
                }
                do throws(SystemError) {
                    if let file = state.file { state.file = try file.replaced(next: pending.next, pending.all) }
                } catch {
                    return .failure(.local("the events cannot be written: \(error)"))
                }
                state.pending = pending
                state.done = 0
                return .success(())
            }
        }
        try result.get()
    }

    /// What the next request carries.
    func batch() -> [AgentEvent] { state.withLock { $0.pending.batch() } }

    /// Number of the newest event; 0 for none.
    var newest: UInt64 { state.withLock { $0.pending.next - 1 } }
    package var count: Int { state.withLock { $0.pending.count } }
}
