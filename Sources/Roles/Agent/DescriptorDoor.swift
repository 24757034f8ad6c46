import BlobNode
import CLinux
import Files
import Glibc
import JSON
import Logging
import Registry
import RegistryClient
import Synchronization
import Threads

/// The UNIX socket at which commands of this host get blobs from the agent, as read-only file descriptors. See
/// ``DescriptorProtocol``.
package final class DescriptorDoor: Sendable {
    package let path: String
    private let agent: Agent
    private let state: AgentState?
    private let listener: Files.Descriptor
    private let places = LocalDoor(most: DescriptorDoor.most)
    private let isStopped = Atomic(false)
    private let logger: Logger

    /// Most commands served at a time, half of them of one user. The connection of any further command is closed, and it asks
    /// again for a while.
    private static let most = 128
    /// Most milliseconds to wait for a command's first request.
    private static let askWithin: Int32 = 60_000
    /// Most milliseconds to wait for the next request while the command reads a blob.
    private static let readWithin: Int32 = 3_600_000
    private static let progressEvery: Int32 = 250
    /// Most questions about references on one connection.
    private static let mostQuestions = 16

    /// Listens at a path. Replaces the socket of an agent that has ended.
    /// - Parameters:
    ///   - state: answers `swoop agent status`; nil for an empty answer.
    ///   - isPrivate: whether only the agent's own user may connect. Needed if HTTP clients must show a token: this
    ///     protocol has none, and must not be a way around it.
    /// - Throws: `EADDRINUSE` if another agent listens there; `EEXIST` if something else than a socket is there, which
    ///   stays; `ENAMETOOLONG` for a path that is no socket address.
    package init(
        _ agent: Agent, state: AgentState? = nil, path: String, isPrivate: Bool = false, logger: Logger
    ) throws(SystemError) {
        guard let address = DescriptorProtocol.address(path) else { throw SystemError(ENAMETOOLONG) }
        // Only the socket of a running agent accepts connections.
        if DescriptorProtocol.connect(to: path) != nil { throw SystemError(EADDRINUSE) }
        var status = stat()
        let isThere = lstat(path, &status) == 0
        guard !isThere || status.st_mode & S_IFMT == S_IFSOCK else { throw SystemError(EEXIST) }
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw .current }
        if isThere { unlink(path) }
        let isBound = DescriptorProtocol.withAddress(address) { bind(listener, $0, $1) == 0 }
        guard isBound, chmod(path, isPrivate ? 0o600 : 0o666) == 0, listen(listener, 64) == 0 else {
            let error = SystemError.current
            close(listener)
            throw error
        }
        self.path = path
        self.agent = agent
        self.state = state
        self.listener = listener
        self.logger = logger
    }

    deinit { close(listener) }

    package func start() { Threads.runDetached(name: "agent-door") { self.accept() } }

    package func stop() {
        isStopped.store(true, ordering: .releasing)
        // Removed while this agent still listens: afterwards the path may be that of another agent's socket.
        unlink(path)
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func accept() {
        while !isStopped.load(ordering: .acquiring) {
            let accepted = accept4(listener, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
            guard accepted >= 0 else {
                if errno == EMFILE || errno == ENFILE { usleep(50_000) } else if errno != EINTR { return }
                continue
            }
            let channel = DescriptorChannel(accepted)
            guard let user = places.enter(accepted) else { continue }
            Threads.runDetached(name: "agent-command") {
                defer { self.places.leave(user) }
                self.serve(channel)
            }
        }
    }

    private func serve(_ channel: DescriptorChannel) {
        do throws(SystemError) {
            // The command may read the last blob until it sends another request or closes the connection.
            var lease: BlobLease?
            defer { withExtendedLifetime(lease) {} }
            var questions = 0
            while let (value, _) = try channel.receive(milliseconds: lease == nil ? Self.askWithin : Self.readWithin) {
                if DescriptorProtocol.asksForStatus(value) {
                    try channel.send(try status())
                    continue
                }
                if let question = DescriptorProtocol.Question(value) {
                    // Each answer is memory of this process, as long as the command holds it.
                    questions += 1
                    guard questions <= Self.mostQuestions else { return }
                    try answer(question, channel)
                    continue
                }
                guard let request = DescriptorProtocol.Request(value) else {
                    return try channel.send(
                        DescriptorProtocol.Answer.failed(unknown: false, "that is no request").json)
                }
                lease = try answer(request, channel)
            }
        } catch {
            logger.debug("a command has gone", metadata: ["reason": "\(error)"])
            // If it is still there, it need not wait for more.
            try? channel.send(DescriptorProtocol.Answer.failed(unknown: false, "\(error)").json)
        }
    }

    /// The agent's status. Blocks, which only this connection's own thread notices.
    private func status() throws(SystemError) -> JSONValue {
        guard let state else { return .object(JSONObject()) }
        return try Awaited { await state.status() }.value(within: Self.askWithin)
    }

    /// Tells what a reference stands for, as far as this agent knows or can ask.
    private func answer(
        _ question: DescriptorProtocol.Question, _ channel: DescriptorChannel
    ) throws(SystemError) {
        let agent = agent
        let found = try Awaited { () -> Result<ResolvedContent, AgentError> in
            guard await agent.view.isPart(question.registry) else {
                return .failure(.registry(.unknown("this agent is of another registry than \(question.registry)")))
            }
            do throws(AgentError) {
                return .success(try await agent.resolve(question.reference))
            } catch {
                return .failure(error)
            }
        }.value(within: Self.askWithin)
        switch found {
        case .success(let content):
            let file = try HeldFile.inMemory("content", content.json.encode())
            try channel.send(DescriptorProtocol.Answer.ready(wasCached: true).json, with: file)
        case .failure(let problem):
            try channel.send(
                DescriptorProtocol.Answer.failed(unknown: problem.isUnknown, problem.description).json)
        }
    }

    /// Fetches the blob, sends progress meanwhile, and then the file descriptor.
    /// - Returns: the lease that keeps the blob in the cache; nil if the request failed.
    private func answer(
        _ request: DescriptorProtocol.Request, _ channel: DescriptorChannel
    ) throws(SystemError) -> BlobLease? {
        let digest = request.blob.sha256
        let wasCached = agent.node.catalogue.entry(of: digest) != nil
        if !wasCached {
            let errand = try Errand(agent, request)
            // If the command has closed the connection, this request for the blob ends.
            defer { errand.cancel() }
            while !errand.isDone(within: Self.progressEvery) {
                let progress = errand.progress
                try channel.send(
                    DescriptorProtocol.Answer.progress(
                        done: progress?.done ?? 0, total: progress?.total ?? 0, peers: progress?.peers ?? 0,
                        origins: progress?.origins ?? 0,
                        trouble: progress == nil ? "the agent asks the registry what it is" : progress?.trouble
                    ).json)
            }
            if let problem = errand.problem {
                try channel.send(
                    DescriptorProtocol.Answer.failed(unknown: problem.isUnknown, problem.description).json)
                return nil
            }
        }
        guard let (_, lease) = agent.node.catalogue.lease(digest, at: Clocks.wallSeconds),
            let file = try agent.node.directory.open(digest)
        else {
            try channel.send(
                DescriptorProtocol.Answer.failed(unknown: false, "the blob has just left the cache: try again").json)
            return nil
        }
        try channel.send(DescriptorProtocol.Answer.ready(wasCached: wasCached).json, with: file)
        return lease
    }
}

/// Fetches a blob while a thread waits for it.
private final class Errand: Sendable {
    private struct State {
        var problem: AgentError?
        var progress: FetchProgress?
    }

    private let state = Mutex(State())
    private let tasks = Mutex<[Task<Void, Never>]>([])
    /// An eventfd that becomes readable when the errand is done.
    private let event: HeldFile

    init(_ agent: Agent, _ request: DescriptorProtocol.Request) throws(SystemError) {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else { throw .current }
        event = HeldFile(descriptor)
        let watch = Task { [weak self] in
            while !Task.isCancelled {
                let progress = await agent.fetches.progress(of: request.blob.sha256)
                self?.state.withLock { $0.progress = progress }
                try? await Task.sleep(for: .milliseconds(200))
            }
        }
        let work = Task { [self] in
            do throws(AgentError) {
                try await agent.obtain(request.blob, in: request.manifest, of: request.name)
            } catch {
                state.withLock { $0.problem = error }
            }
            watch.cancel()
            eventfd_write(event.descriptor, 1)
        }
        tasks.withLock { $0 = [watch, work] }
    }

    func cancel() { for task in tasks.withLock({ $0 }) { task.cancel() } }

    func isDone(within milliseconds: Int32) -> Bool {
        var waiting = pollfd(fd: event.descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, milliseconds) > 0
    }

    var problem: AgentError? { state.withLock { $0.problem } }
    var progress: FetchProgress? { state.withLock { $0.progress } }
}

/// A value that is made asynchronously while a thread waits for it.
private final class Awaited<Value: Sendable>: Sendable {
    private let found = Mutex<Value?>(nil)
    /// An eventfd that becomes readable when the value is there.
    private let event: HeldFile

    init(_ make: @escaping @Sendable () async -> Value) throws(SystemError) {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else { throw .current }
        event = HeldFile(descriptor)
        Task { [self] in
            let value = await make()
            found.withLock { $0 = value }
            eventfd_write(event.descriptor, 1)
        }
    }

    /// - Throws: `ETIMEDOUT` if the value is not there in time.
    func value(within milliseconds: Int32) throws(SystemError) -> Value {
        var waiting = pollfd(fd: event.descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, milliseconds) > 0, let value = found.withLock({ $0 }) else {
            throw SystemError(ETIMEDOUT)
        }
        return value
    }
}
