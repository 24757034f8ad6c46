import Registry

extension IndexService {
    /// Imports a manifest whose blobs are in the NAME's back end or at an origin, where another registry stored them. The
    /// blobs are added to the NAME, and none of them is read.
    package func adopt(_ manifest: Manifest, under name: ContentName, tags: [Tag], by act: Act) async throws(IndexError)
    {
        let digests = manifest.neededBlobs.map(\.digest)
        if !digests.isEmpty {
            let sizes: [BlobDigest: Int64]
            do throws(BlobFactsError) {
                sizes = try await facts.touch(digests, under: name, joining: false)
            } catch {
                throw .origins(error)
            }
            let missing = digests.filter { sizes[$0] == nil }
            guard missing.isEmpty else { throw .missing(name, blobs: missing, manifests: []) }
            try await asked { () throws(TagStoreError) in try await store.link(digests, to: name, at: act.at) }
        }
        try await put(manifest, under: name, tags: tags, expecting: .anything, by: act)
    }
}
