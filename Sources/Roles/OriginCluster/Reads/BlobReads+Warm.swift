import ColdStore
import Registry

extension BlobReads {
    /// Asks the first owner that answers to read a blob from the back end of a name, and waits for it, at most
    /// `patience` seconds. This origin reads it if no other owner answers, or if it comes first in rank.
    func warm(_ digest: BlobDigest, in name: ContentName, patience: Double) async -> ColdAnswer {
        guard let cold else { return .missing }
        let placement = watch.placement
        for host in placement.takers(of: digest) {
            if host == placement.own { break }
            do throws(PeerProblem) {
                return try await peers.warm(digest, for: name, patience: patience, at: host)
            } catch {
                guard case .silent = error else { continue }
            }
        }
        return await warmHere(digest, in: name, cold, patience: patience)
    }

    /// The same, asked for by another origin: only this origin reads.
    func warmHere(_ digest: BlobDigest, in name: ContentName, patience: Double) async -> ColdAnswer {
        if node.catalogue.entry(of: digest.sha256) != nil { return .here }
        guard let cold else { return .missing }
        return await warmHere(digest, in: name, cold, patience: patience)
    }

    private func warmHere(
        _ digest: BlobDigest, in name: ContentName, _ cold: ColdStore, patience: Double
    ) async -> ColdAnswer {
        let answer = await cold.reads.answer(for: digest, of: name, wish: .content, patience: patience)
        if answer == .here { await repair.mark(digest) }
        return answer
    }

    /// A description of a blob from the first other origin that has it; nil if none has it.
    func note(of digest: BlobDigest) async -> BlobNote? {
        for host in watch.placement.sources(of: digest) {
            if let note = try? await peers.notes([digest], at: host, contents: false).first { return note }
        }
        return nil
    }
}
