import Agent
import Files
import Logging
import Reactor
import Registry
import RegistryClient
import RegistryTransfer
import Swarm
import Synchronization

/// The sources of a pull's blobs: this host's agent, else the registry's swarm, else the registry itself by HTTP, which
/// may be any OCI registry.
final class PullSources: Sendable {
    private let client: RegistryClient
    private let access: RegistryArguments
    private let reference: Reference
    /// Path of the agent's socket; nil to do without an agent.
    private let agent: String?
    private let limits: RegistryTransferLimits
    private let patience: Double?
    private let logger: Logger
    /// Resources to shut down after the pull.
    private let running = Mutex<(swarm: SwarmNode?, view: RegistryView?)>((nil, nil))
    /// What this command itself gives on: nil where the host's agent does, and where the registry has no swarm.
    private let own = Mutex<PulledContent?>(nil)
    var given: PulledContent? { own.withLock { $0 } }

    init(
        _ client: RegistryClient, _ access: RegistryArguments, _ reference: Reference, agent: String?,
        limits: RegistryTransferLimits, patience: Double?, logger: Logger
    ) {
        self.client = client
        self.access = access
        self.reference = reference
        self.agent = agent
        self.limits = limits
        self.patience = patience
        self.logger = logger
    }

    func make(_ pool: WorkerPool, _ manifest: Manifest) async -> any BlobSource {
        let http = HTTPBlobSource(client, name: reference.name, limits: limits, pool: pool, patience: patience)
        let direct = await swarm(manifest, http) ?? http
        guard let agent, let source = AgentSource(path: agent, name: reference.name, manifest: manifest.digest) else {
            return direct
        }
        own.withLock { $0 = nil }
        return EitherSource(first: source, second: direct)
    }

    /// Nil if the registry has no swarms.
    private func swarm(_ manifest: Manifest, _ http: any BlobSource) async -> (any BlobSource)? {
        guard let (url, credential) = try? access.place(), let settings = try? access.settings else { return nil }
        let view = RegistryView(url, credential: credential, settings: settings)
        running.withLock { $0.view = view }
        let fixed = Reference(name: reference.name, version: .digest(manifest.digest))
        guard let content = try? await view.resolve(fixed, now: 0), let swarm = try? SwarmNode(logger: logger) else {
            return nil
        }
        running.withLock { $0.swarm = swarm }
        own.withLock {
            $0 = PulledContent(view: view, swarm: swarm, name: reference.name, content: content)
        }
        return SwarmSource(
            view: view, swarm: swarm, name: reference.name, content: content, http: http, patience: patience)
    }

    func shutdown() async {
        let (swarm, view) = running.withLock { $0 }
        await swarm?.shutdown()
        await view?.shutdown()
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
