import Backends
import BlobNode
import ColdStore
import Database
import Hashing
import NameIndex
import Registry
import Threads
import Upkeep

/// Answers an index's questions about blobs from this origin's disk and back ends.
struct OriginFacts: BlobFacts {
    let node: BlobNode
    /// Nil without back ends.
    let cold: ColdStore?
    /// Whether back ends are asked for blobs that are not on this disk.
    var asksBackEnds = true
    /// Nil without upkeep of the disk.
    var blobSweep: BlobSweep?

    /// Most questions to back ends at a time.
    private static let mostAtOnce = 16

    func facts(
        of digests: [BlobDigest], under name: ContentName, contents: Int
    ) async throws(BlobFactsError) -> [BlobDigest: BlobFact] {
        let arriving = try await fetch(digests, of: name)
        return await Threads.offload { [node] in
            var left = Int64(contents)
            var facts: [BlobDigest: BlobFact] = [:]
            for digest in digests {
                // A blob with corrupt pieces counts too: peers can take its good pieces here, and the others elsewhere.
                guard let entry = node.catalogue.entryOfAny(digest.sha256) else {
                    // Nobody vouches for the torrent of a blob that is still arriving.
                    if let size = arriving[digest] {
                        facts[digest] = BlobFact(size: size, infoHash: nil, infoSHA256: nil)
                    }
                    continue
                }
                var content: [UInt8]?
                if entry.size <= min(left, Int64(BlobFact.mostContent)) {
                    content = try? node.directory.open(digest.sha256)?.readAll(limit: Int(entry.size))
                    if let bytes = content, SHA256.digest(bytes) != digest.sha256 {
                        content = nil
                        node.doubt(digest.sha256)
                    }
                    left -= Int64(content?.count ?? 0)
                }
                facts[digest] = BlobFact(
                    size: entry.size, infoHash: entry.infoHash, infoSHA256: entry.infoDigest, content: content)
            }
            return facts
        }
    }

    /// Begins to read all blobs that are only in the back end, and waits for those that do not arrive piece by piece for
    /// ``ColdAnswers/patience`` seconds. Throws for the first of these that has not arrived by then.
    /// - Returns: the sizes of those that arrive piece by piece.
    private func fetch(
        _ digests: [BlobDigest], of name: ContentName
    ) async throws(BlobFactsError) -> [BlobDigest: Int64] {
        let missing = digests.filter { node.catalogue.entry(of: $0.sha256) == nil }
        guard asksBackEnds, let cold, !missing.isEmpty else { return [:] }
        var arriving: [BlobDigest: Int64] = [:]
        for digest in missing { _ = await cold.reads.answer(for: digest, of: name, wish: .size, patience: 0) }
        let end = Clocks.steadySeconds + ColdAnswers.patience
        for digest in missing {
            if let info = await cold.reads.torrent(
                of: digest, in: name, patience: max(0.1, end - Clocks.steadySeconds))
            {
                arriving[digest] = info.length
                continue
            }
            let answer = await cold.reads.answer(
                for: digest, of: name, wish: .content, patience: max(0.1, end - Clocks.steadySeconds))
            if let error = ColdAnswers.factsError(answer, digest) { throw error }
        }
        return arriving
    }

    func touch(
        _ digests: [BlobDigest], under name: ContentName, joining: Bool
    ) async throws(BlobFactsError) -> [BlobDigest: Int64] {
        var sizes: [BlobDigest: Int64] = [:]
        var elsewhere: [BlobDigest] = []
        for digest in digests {
            if let entry = node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds) {
                sizes[digest] = entry.size
            } else {
                elsewhere.append(digest)
            }
        }
        if asksBackEnds, let cold, !elsewhere.isEmpty {
            for (digest, size) in try await Self.sizes(of: elsewhere, in: name, cold) { sizes[digest] = size }
        }
        guard joining, let cold else { return sizes }
        for digest in digests where sizes[digest] != nil {
            do throws(DatabaseFileError) { try await cold.writeBack.add(digest, for: name) } catch {
                throw BlobFactsError(error.isDisk ? .full : .unavailable, "\(error)")
            }
        }
        return sizes
    }

    func sweep(untouchedSince: Int64, dryRun: Bool) async throws(BlobFactsError) -> SweptBlobs {
        guard let blobSweep else { return SweptBlobs() }
        do throws(UpkeepProblem) {
            let swept = try await blobSweep.run(untouchedSince: Double(untouchedSince) / 1_000, dryRun: dryRun)
            return SweptBlobs(blobs: swept.blobs, bytes: swept.bytes)
        } catch {
            throw BlobFactsError(.unavailable, error.description)
        }
    }

    /// Sizes of blobs in the back end of a name. Blobs that it does not have are left out.
    private static func sizes(
        of digests: [BlobDigest], in name: ContentName, _ cold: ColdStore
    ) async throws(BlobFactsError) -> [(BlobDigest, Int64)] {
        typealias Answer = Result<(BlobDigest, Int64?), BackendProblem>
        let answers = await withTaskGroup(of: Answer.self) { group in
            var waiting = digests.makeIterator()
            func startOne() {
                guard let digest = waiting.next() else { return }
                group.addTask {
                    do throws(BackendProblem) {
                        return .success((digest, try await cold.reads.size(of: digest, in: name)))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for _ in 0..<mostAtOnce { startOne() }
            var answers: [Answer] = []
            for await answer in group {
                answers.append(answer)
                if case .failure = answer { break }
                startOne()
            }
            group.cancelAll()
            return answers
        }
        var sizes: [(BlobDigest, Int64)] = []
        for answer in answers {
            switch answer {
            case .success((let digest, let size?)): sizes.append((digest, size))
            case .success: break
            case .failure(let problem): throw ColdAnswers.factsError(problem, digests.first)
            }
        }
        return sizes
    }
}

extension ColdAnswers {
    /// The error for an index. Nil for a blob that is on this disk, and for one that does not exist.
    package static func factsError(_ answer: ColdAnswer, _ digest: BlobDigest) -> BlobFactsError? {
        switch answer {
        case .here, .missing: nil
        case .fetching: BlobFactsError(.fetching, error(answer, digest)?.message ?? "")
        case .failed(let problem, _): factsError(problem, digest)
        }
    }

    package static func factsError(_ problem: BackendProblem, _ digest: BlobDigest?) -> BlobFactsError {
        switch problem.kind {
        case .disk: BlobFactsError(.full, problem.description)
        case .wrong: BlobFactsError(.wrong, problem.description)
        default:
            BlobFactsError(
                .unavailable, "the back end does not give \(digest.map { "\($0)" } ?? "a blob"): \(problem)")
        }
    }
}
