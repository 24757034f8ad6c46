import Backends
import BlobNode
import ColdStore
import NameIndex
import OCI
import Origin
import Registry
import Threads

/// Answers an index's questions about blobs. The index asks all origins, so each speaks for its own disk.
struct ClusterFacts: BlobFacts {
    let reads: BlobReads
    let tasks: BackendTasks
    /// Whether back ends are asked for blobs that are not on this disk. One of the owners reads the blob, whichever
    /// origin gets the question.
    let asksBackEnds: Bool

    /// Most questions at a time.
    private static let mostAtOnce = 16

    func facts(
        of digests: [BlobDigest], under name: ContentName, contents: Int
    ) async throws(BlobFactsError) -> [BlobDigest: BlobFact] {
        var notes = await Notes.here(digests, reads.node, contents: Int64(contents))
        let missing = digests.filter { notes[$0] == nil }
        if asksBackEnds, !missing.isEmpty {
            for (digest, note) in await elsewhere(missing) { notes[digest] = note }
            let cold = missing.filter { notes[$0] == nil }
            let sizes = await arriving(cold, name)
            let whole = cold.filter { sizes[$0] == nil }
            try await warm(whole, name)
            for (digest, note) in await elsewhere(whole) { notes[digest] = note }
            // Nobody vouches for the torrent of a blob that is still arriving.
            for (digest, size) in sizes {
                notes[digest] = BlobNote(digest: digest, size: size, infoHash: nil, infoDigest: nil, content: nil)
            }
        }
        return notes.mapValues { note in
            BlobFact(size: note.size, infoHash: note.infoHash, infoSHA256: note.infoDigest, content: note.content)
        }
    }

    /// Sizes of those that arrive from their back end piece by piece.
    private func arriving(_ digests: [BlobDigest], _ name: ContentName) async -> [BlobDigest: Int64] {
        let found = await each(digests) { await reads.arriving($0, in: name)?.length }
        return Dictionary(found) { first, _ in first }
    }

    private func warm(_ digests: [BlobDigest], _ name: ContentName) async throws(BlobFactsError) {
        let end = Clocks.steadySeconds + ColdAnswers.patience
        let answers = await each(digests) { digest in
            await reads.warm(digest, in: name, patience: max(0.1, end - Clocks.steadySeconds))
        }
        for (digest, answer) in answers {
            if let error = ColdAnswers.factsError(answer, digest) { throw error }
        }
    }

    private func elsewhere(_ digests: [BlobDigest]) async -> [BlobDigest: BlobNote] {
        var notes = await Notes.here(digests, reads.node, contents: 0)
        let missing = digests.filter { notes[$0] == nil }
        for (digest, note) in await each(missing, { await reads.note(of: $0) }) { notes[digest] = note }
        return notes
    }

    func touch(
        _ digests: [BlobDigest], under name: ContentName, joining: Bool
    ) async throws(BlobFactsError) -> [BlobDigest: Int64] {
        var sizes: [BlobDigest: Int64] = [:]
        for digest in digests {
            guard let entry = reads.node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds) else { continue }
            sizes[digest] = entry.size
        }
        if asksBackEnds, let cold = reads.cold {
            let missing = digests.filter { sizes[$0] == nil }
            let found = await each(missing) { await Self.size(of: $0, in: name, cold) }
            for (digest, size) in found { sizes[digest] = try size.get() }
        }
        guard joining else { return sizes }
        for digest in digests where sizes[digest] != nil {
            do throws(OCIError) { try await tasks.add(digest, for: name) } catch {
                throw BlobFactsError(error.status == 507 ? .full : .unavailable, error.message)
            }
        }
        return sizes
    }

    private static func size(
        of digest: BlobDigest, in name: ContentName, _ cold: ColdStore
    ) async -> Result<Int64?, BlobFactsError>? {
        do throws(BackendProblem) {
            return .success(try await cold.reads.size(of: digest, in: name))
        } catch {
            return .failure(ColdAnswers.factsError(error, digest))
        }
    }

    private func each<Value: Sendable>(
        _ digests: [BlobDigest], _ body: @escaping @Sendable (BlobDigest) async -> Value?
    ) async -> [(BlobDigest, Value)] {
        await withTaskGroup(of: (BlobDigest, Value?).self) { group in
            var waiting = digests.makeIterator()
            func startOne() {
                if let digest = waiting.next() { group.addTask { (digest, await body(digest)) } }
            }
            for _ in 0..<Self.mostAtOnce { startOne() }
            var found: [(BlobDigest, Value)] = []
            for await (digest, value) in group {
                if let value { found.append((digest, value)) }
                startOne()
            }
            return found
        }
    }
}

/// Makes notes on blobs on this host's disk.
enum Notes {
    /// - Parameter contents: most bytes of small blobs that the notes include, all together.
    static func here(
        _ digests: [BlobDigest], _ node: BlobNode, contents: Int64
    ) async -> [BlobDigest: BlobNote] {
        await Threads.offload {
            var left = contents
            var notes: [BlobDigest: BlobNote] = [:]
            for digest in digests {
                guard let entry = node.catalogue.entry(of: digest.sha256) else { continue }
                var content: [UInt8]?
                if entry.size <= min(left, BlobNote.mostContent) {
                    content = try? node.directory.open(digest.sha256)?.readAll(limit: Int(entry.size))
                    left -= entry.size
                }
                notes[digest] = BlobNote(
                    digest: digest, size: entry.size, infoHash: entry.infoHash, infoDigest: entry.infoDigest,
                    content: content)
            }
            return notes
        }
    }
}
