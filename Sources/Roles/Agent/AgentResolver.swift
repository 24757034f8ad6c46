import Files
import Glibc
import Registry
import RegistryTransfer
import Text
import Threads

/// Asks this host's agent what a reference stands for. The agent keeps the registry's answers about digests and immutable
/// tags, so it can tell even while the registry does not answer.
package enum AgentResolver {
    /// Seconds for an answer, in which the agent may have to ask the registry.
    private static let patience = 15.0

    /// - Parameters:
    ///   - registry: host and port of any part of the registry that is meant.
    ///   - path: of the agent's socket.
    ///   - seconds: for an answer, if that is less than usual.
    /// - Returns: nil if no agent of that registry listens there, or it cannot tell.
    package static func content(
        of reference: Reference, from registry: String, at path: String, within seconds: Double? = nil
    ) async -> NamedContent? {
        let channel = await Threads.offload(name: "swoop-pull") { DescriptorProtocol.connect(to: path) }
        guard let channel else { return nil }
        let milliseconds = Int32(max(0.001, min(patience, seconds ?? patience)) * 1000)
        let found = await withTaskCancellationHandler {
            await Threads.offload(name: "swoop-pull") { ask(reference, registry, channel, milliseconds) }
        } onCancel: {
            // Wakes the thread that waits for the answer.
            shutdown(channel.descriptor, Int32(SHUT_RDWR))
        }
        return found.flatMap { NamedContent($0) }
    }

    private static func ask(
        _ reference: Reference, _ registry: String, _ channel: DescriptorChannel, _ patience: Int32
    ) -> ResolvedContent? {
        do {
            try channel.send(DescriptorProtocol.Question(reference, of: registry).json)
            guard let (answer, file) = try channel.receive(milliseconds: patience), let file,
                case .ready? = DescriptorProtocol.Answer(answer)
            else { return nil }
            return try ResolvedContent(try file.readAll(limit: ResolvedContent.mostBytes), for: reference)
        } catch {
            return nil
        }
    }
}

extension NamedContent {
    /// Nil for an answer in which what the reference stands for is missing.
    package init?(_ content: ResolvedContent) {
        if let manifest = content.manifests[content.digest] {
            let nested = content.manifests.values.filter { $0.digest != manifest.digest }
            self.init(.manifest(manifest, nested: nested.sorted { $0.digest.hex < $1.digest.hex }))
        } else if let blob = content.blobs[content.digest] {
            self.init(.blob(WantedBlob(digest: blob.digest, size: blob.size)))
        } else {
            return nil
        }
    }
}
