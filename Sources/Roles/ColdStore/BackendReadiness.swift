import Backends
import Hashing
import Registry

/// Asks back ends whether they answer. Calls that come meanwhile or soon after share an answer, so that many calls cost the
/// back ends little.
actor BackendReadiness {
    private let backends: [Backend]
    private let patience: Double
    private let clock: ColdClock
    private var waiting: [CheckedContinuation<String?, Never>] = []
    private var isAsking = false
    private var timer: Task<Void, Never>?
    private var last: (problem: String?, time: Double)?

    /// Seconds for which an answer counts.
    private static let validity = 1.0

    /// - Parameter patience: seconds after which a back end counts as silent. The question is not asked again before its
    ///   answer or error has come.
    init(_ backends: [Backend], patience: Double = 5, clock: ColdClock) {
        self.backends = backends
        self.patience = patience
        self.clock = clock
    }

    /// Why a back end cannot be used now; nil if all of them answer.
    func problem() async -> String? {
        if backends.isEmpty { return nil }
        if let last, (0..<Self.validity).contains(clock.now() - last.time) { return last.problem }
        return await withCheckedContinuation { continuation in
            waiting.append(continuation)
            ask()
        }
    }

    private func ask() {
        if timer == nil {
            timer = Task { [clock, patience] in
                await clock.sleep(patience)
                if !Task.isCancelled { self.answer("a back end does not answer within \(Int(patience)) s") }
            }
        }
        guard !isAsking else { return }
        isAsking = true
        Task { [backends] in self.came(await Self.problem(of: backends)) }
    }

    private func came(_ problem: String?) {
        isAsking = false
        last = (problem, clock.now())
        answer(problem)
    }

    private func answer(_ problem: String?) {
        timer?.cancel()
        timer = nil
        for continuation in waiting { continuation.resume(returning: problem) }
        waiting = []
    }

    private static func problem(of backends: [Backend]) async -> String? {
        await withTaskGroup(of: String?.self) { group in
            for backend in backends { group.addTask { await problem(of: backend) } }
            var problems: [String] = []
            for await problem in group { if let problem { problems.append(problem) } }
            return problems.min()
        }
    }

    /// Asks for the blob without bytes, whether it is there or not.
    private static func problem(of backend: Backend) async -> String? {
        do throws(BackendProblem) {
            _ = try await backend.size(of: BlobDigest(SHA256.digest([])))
            return nil
        } catch {
            // The others are answers.
            guard error.isOfBackend || error.kind == .disk else { return nil }
            return "the back end \(backend.label): \(error)"
        }
    }
}

extension ColdStore {
    /// Why a back end without which this host is not ready cannot be used now; nil if all of them answer.
    package func readinessProblem() async -> String? { await readiness.problem() }
}
