import Registry
import RegistryClient

/// What a reference stands for.
package struct NamedContent: Sendable {
    package enum Root: Sendable {
        /// - Parameter nested: the manifests that an index refers to, directly or through other indexes.
        case manifest(Manifest, nested: [Manifest])
        /// A blob that a tag names without a manifest, as Kraken's clients put it.
        case blob(WantedBlob)
    }

    package let root: Root

    package init(_ root: Root) { self.root = root }

    package var digest: BlobDigest {
        switch root {
        case .manifest(let manifest, _): manifest.digest
        case .blob(let blob): blob.digest
        }
    }
}

/// Tells what references stand for: a registry, or a host's agent.
package protocol ContentResolver: Sendable {
    /// - Throws: `PullError.registry(.unknown)` when there is no such name, tag or digest.
    func content(of reference: Reference) async throws(PullError) -> NamedContent
}

extension RegistryClient: ContentResolver {
    private static let mostNested = 64

    /// Fetches the manifest, and for an index all manifests that it refers to.
    package func content(of reference: Reference) async throws(PullError) -> NamedContent {
        let top = try await asking { () throws(RegistryError) in try await manifest(reference) }
        var nested: [Manifest] = []
        var waiting = top.manifests
        var seen: Set<BlobDigest> = [top.digest]
        while let next = waiting.popLast() {
            guard seen.insert(next.digest).inserted else { continue }
            guard seen.count <= Self.mostNested else {
                throw .badManifest(reference, reason: "it refers to more than \(Self.mostNested) manifests")
            }
            let found = try await asking { () throws(RegistryError) in
                try await manifest(Reference(name: reference.name, version: .digest(next.digest)))
            }
            nested.append(found)
            waiting += found.manifests
        }
        return NamedContent(.manifest(top, nested: nested))
    }
}
