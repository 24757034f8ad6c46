import Agent
import Files
import HTTPTransport
import Logging
import Reactor
import Registry
import RegistryClient
import RegistryTransfer
import Swarm
import Synchronization
import Text

/// Where a pull gets manifests and blobs: from this host's agent; else blobs from the registry's swarm; else both from the
/// registry itself by HTTP, which may be any OCI registry. The registry is not asked for what the agent has.
final class PullSources: ContentResolver {
    private let reference: Reference
    /// Path of the agent's socket; nil to do without an agent.
    private let agent: String?
    private let limits: RegistryTransferLimits
    private let patience: Double?
    private let logger: Logger
    private let registry: HTTPURL
    private let credential: RegistryCredential?
    private let settings: HTTPTransportSettings
    private let view: RegistryView
    private let connecting = Mutex<Task<RegistryClient, Never>?>(nil)
    private let swarm = Mutex<SwarmNode?>(nil)
    /// What this command itself gives on: nil where the host's agent does, and where the registry has no swarm.
    private let own = Mutex<PulledContent?>(nil)
    var given: PulledContent? { own.withLock { $0 } }

    /// - Parameter patience: seconds without a byte after which the pull fails; nil for no limit.
    init(
        _ access: RegistryArguments, _ reference: Reference, agent: String?, limits: RegistryTransferLimits,
        patience: Double?, logger: Logger
    ) throws {
        self.reference = reference
        self.agent = agent
        self.limits = limits
        self.patience = patience
        self.logger = logger
        (registry, credential) = try access.place()
        settings = try access.settings
        view = RegistryView(registry, credential: credential, settings: settings)
    }

    /// The client of the registry, made when it is needed first.
    func client() async -> RegistryClient {
        let (registry, credential, settings, silence) = (registry, credential, settings, min(20, patience ?? 20))
        let task = connecting.withLock { connecting in
            let task =
                connecting
                ?? Task { await RegistryArguments.contentClient(registry, credential, settings, silence: silence) }
            connecting = task
            return task
        }
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }

    func content(of reference: Reference) async throws(PullError) -> NamedContent {
        guard let patience else { return try await answered(reference) }
        let found = await withTaskGroup(of: Result<NamedContent, PullError>?.self) { group in
            group.addTask {
                do throws(PullError) { return .success(try await self.answered(reference)) } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(patience))
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        guard !Task.isCancelled else { throw .cancelled }
        guard let found else { throw .silent(seconds: patience, reason: "nobody says what \(reference) is") }
        return try found.get()
    }

    private func answered(_ reference: Reference) async throws(PullError) -> NamedContent {
        if let agent,
            let found = await AgentResolver.content(
                of: reference, from: registry.authority, at: agent,
                // An agent that hangs leaves time to ask the registry.
                within: patience.map { min(5, $0 / 2) })
        {
            return found
        }
        guard !Task.isCancelled else { throw .cancelled }
        do throws(PullError) {
            return try await client().content(of: reference)
        } catch {
            // A tag may name a blob without a manifest, which only the registry's own API can say.
            guard case .registry(.unknown) = error, let content = try? await view.resolve(reference, now: 0),
                let found = NamedContent(content)
            else { throw error }
            return found
        }
    }

    func make(_ pool: WorkerPool, _ content: BlobDigest) async -> any BlobSource {
        guard let agent,
            let source = AgentSource(path: agent, name: reference.name, manifest: content, patience: patience)
        else {
            return await direct(pool, content, isGiven: true)
        }
        return EitherSource(first: source, second: LaterSource { await self.direct(pool, content, isGiven: false) })
    }

    /// The registry's swarm, or the registry itself.
    private func direct(_ pool: WorkerPool, _ content: BlobDigest, isGiven: Bool) async -> any BlobSource {
        let http = HTTPBlobSource(await client(), name: reference.name, limits: limits, pool: pool, patience: patience)
        let fixed = Reference(name: reference.name, version: .digest(content))
        guard let content = try? await view.resolve(fixed, now: 0), let swarm = try? SwarmNode(logger: logger) else {
            return http
        }
        self.swarm.withLock { $0 = swarm }
        if isGiven {
            own.withLock {
                $0 = PulledContent(view: view, swarm: swarm, name: reference.name, content: content)
            }
        }
        return SwarmSource(
            view: view, swarm: swarm, name: reference.name, content: content, http: http, patience: patience)
    }

    func shutdown() async {
        await swarm.withLock { $0 }?.shutdown()
        await view.shutdown()
        if let connecting = connecting.withLock({ $0 }) { await connecting.value.shutdown() }
    }
}

/// Asks one source for a blob, and another if the first fails with a registry error.
private struct EitherSource: BlobSource {
    let first: any BlobSource
    let second: any BlobSource

    func fetch(
        _ blob: WantedBlob, into file: HeldFile, progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        do throws(PullError) {
            try await first.fetch(blob, into: file, progress: progress)
        } catch {
            guard case .registry = error else { throw error }
            try await second.fetch(blob, into: file, progress: progress)
        }
    }

    func stream(
        _ blob: WantedBlob, to write: @escaping @Sendable (UnsafeRawBufferPointer) throws(PullError) -> Void,
        progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        do throws(PullError) {
            try await first.stream(blob, to: write, progress: progress)
        } catch {
            // The agent reports such an error before the first byte, so nothing is written twice.
            guard case .registry = error else { throw error }
            try await second.stream(blob, to: write, progress: progress)
        }
    }
}

/// A source that is made when a blob is asked of it first.
private final class LaterSource: BlobSource {
    private let make: @Sendable () async -> any BlobSource
    private let made = Mutex<Task<any BlobSource, Never>?>(nil)

    init(_ make: @escaping @Sendable () async -> any BlobSource) { self.make = make }

    private func source() async -> any BlobSource {
        let task = made.withLock { [make] made in
            let task = made ?? Task { await make() }
            made = task
            return task
        }
        return await task.value
    }

    func fetch(
        _ blob: WantedBlob, into file: HeldFile, progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        try await source().fetch(blob, into: file, progress: progress)
    }

    func stream(
        _ blob: WantedBlob, to write: @escaping @Sendable (UnsafeRawBufferPointer) throws(PullError) -> Void,
        progress: @escaping @Sendable (BlobProgress) -> Void
    ) async throws(PullError) {
        try await source().stream(blob, to: write, progress: progress)
    }
}
