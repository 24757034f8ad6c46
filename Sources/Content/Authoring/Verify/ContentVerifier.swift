import Files
import Hashing
import Metainfo
import Storage
import Threads

/// The result for one file of a torrent.
package enum FileVerdict: Sendable, Hashable {
    /// The file exists, has the right size, and all of its pieces are correct.
    case ok
    case missing
    /// In bytes. The pieces within the smaller size were checked all the same.
    case wrongSize(expected: Int64, found: Int64)
    /// A directory or special file has its name.
    case notAFile
    /// The file could not be read.
    case unreadable(operation: String, SystemError)
    /// These pieces have wrong bytes, in this file or (v1) in a file that shares a piece with it.
    case corrupt(pieces: [PieceIndex])
    /// No error was found, but these pieces lie partly in a file that is missing or too short.
    case unverifiable(pieces: [PieceIndex])
}

/// The result for a content.
package struct VerifyReport: Sendable {
    /// The pieces that are there and right.
    package let right: PieceSet
    /// By index in the layout's files; padding is `ok`.
    package let files: [FileVerdict]

    /// Whether every file is exactly as the torrent says.
    package var isComplete: Bool { files.allSatisfy { $0 == .ok } }
}

/// Verifies files against a torrent: reads all of them, regardless of any resume record, using all processors.
package struct ContentVerifier: Sendable {
    package let info: Info
    package let hashes: PieceHashes
    package var limits = AuthoringLimits.standard
    /// Number of threads that read and hash; nil for one on each processor.
    package var threads: Int?
    private let root: [UInt8]

    /// - Parameter path: the file, or the directory that contains the torrent's files (not its parent).
    package init(info: Info, hashes: PieceHashes, path: String) {
        self.info = info
        self.hashes = hashes
        root = Array(path.utf8)
    }

    /// The path of the content if a person names `path`: the path itself, or the entry in it with the torrent's name.
    package static func contentPath(for info: Info, at path: String) -> String {
        let bytes = Array(path.utf8)
        let inside = bytes + [UInt8(ascii: "/")] + info.name.bytes
        guard let outer = try? SystemFileLayer().status(path: SystemPath(bytes), followSymlink: true),
            outer.kind == .directory,
            let text = info.name.string,
            let inner = try? SystemFileLayer().status(path: SystemPath(inside), followSymlink: true)
        else { return path }
        if info.isSingleFile { return path + "/" + text }
        guard inner.kind == .directory else { return path }
        // A directory of the torrent's own name may well hold another of that name.
        let own = bytes.split(separator: UInt8(ascii: "/")).last.map(Array.init)
        return own == info.name.bytes ? path : path + "/" + text
    }

    /// Checks everything. Ends soon after its task is cancelled.
    /// - Parameter progress: called from time to time by any of the threads, one at a time.
    /// - Throws: `cancelled`, `noMemory`. Problems with files are in the report.
    package func verify(
        progress: @escaping @Sendable (HashProgress) -> Void = { _ in }
    ) async throws(AuthoringError) -> VerifyReport {
        let state = HashState(interval: limits.progressInterval, report: progress)
        let result = await withTaskCancellationHandler {
            await Threads.offload { [self] in
                Result { () throws(AuthoringError) in try verify(state) }
            }
        } onCancel: {
            state.stop(.cancelled)
        }
        return try result.get()
    }

    private func systemPath(_ file: FileEntry) -> SystemPath {
        SystemPath(file.path.isEmpty ? root : root + [UInt8(ascii: "/")] + file.path.bytes)
    }

    private func verify(_ state: HashState) throws(AuthoringError) -> VerifyReport {
        let layout = info.layout
        var found: [FileVerdict] = []
        found.reserveCapacity(layout.files.count)
        for file in layout.files {
            if state.isStopped { throw state.firstFailure ?? .cancelled }
            found.append(look(at: file))
        }
        let readable = readablePieces(found)
        let verdicts = PieceResults(repeating: Verdict.missing, count: layout.pieceCount)
        let problems = FileProblems()
        // If piece layers are missing, the roots of the files are used to verify their pieces.
        let hasUnknownPieces = info.version == .v2 && !hashes.filesMissingLayers.isEmpty
        let roots = PieceResults(repeating: SHA256Digest.zero, count: hasUnknownPieces ? layout.pieceCount : 0)
        let job = HashJob(
            line: ContentLine(layout), hasV1: info.version.hasV1 && hashes.chain == nil, hasV2: info.version.hasV2,
            chain: hashes.chain,
            source: { HashJob.Source(path: systemPath(layout.files[$0]), identity: nil) },
            finish: { piece, outcome in
                switch outcome {
                case .hashed(let v1, let v2):
                    if hasUnknownPieces, let v2 { roots.set(piece, to: v2) }
                    verdicts.set(piece, to: isRight(PieceIndex(unchecked: piece), v1: v1, v2: v2) ? .right : .wrong)
                case .chained(let isRight): verdicts.set(piece, to: isRight ? .right : .wrong)
                case .unreadable(let problem): problems.add(problem)
                }
                return true
            },
            changed: { problems.add($0) }, pieces: readable, limits: limits, threads: threads)
        try job.run(state)
        for problem in problems.all { found[problem.file] = Self.verdict(problem.problem, found[problem.file]) }
        if hasUnknownPieces {
            for piece in piecesRight(by: roots.all) { verdicts.set(piece, to: .right) }
        }
        return report(found, verdicts.all)
    }

    /// The pieces of files without a layer whose computed hashes lead to the file's root.
    private func piecesRight(by roots: [SHA256Digest]) -> [Int] {
        var known = hashes
        for (file, entry) in info.layout.files.enumerated() where entry.length > Int64(info.layout.pieceLength) {
            guard let root = entry.piecesRoot, known.knownLayers[root] == nil else { continue }
            let layer = info.layout.pieces(ofFile: file).flatMap { roots[$0].bytes }
            try? known.add(layer: layer, ofFile: file)
        }
        return info.layout.pieces.map(\.value).filter { piece in
            let index = PieceIndex(unchecked: piece)
            return hashes.v2(index) == nil && known.v2(index)?.root == roots[piece]
        }
    }

    /// The state of a piece: `missing` if it was not read.
    private enum Verdict: UInt8, BitwiseCopyable, Sendable { case missing, right, wrong }

    private func look(at file: FileEntry) -> FileVerdict {
        guard !file.isPadding else { return .ok }
        do {
            let status = try SystemFileLayer().status(path: systemPath(file), followSymlink: true)
            guard status.kind == .file else { return .notAFile }
            let size = status.size
            return size == file.length ? .ok : .wrongSize(expected: file.length, found: size)
        } catch {
            return error.isAbsence ? .missing : .unreadable(operation: "look at", error)
        }
    }

    /// The pieces whose bytes are all on disk.
    private func readablePieces(_ found: [FileVerdict]) -> [Int] {
        var readable = [Bool](repeating: true, count: info.layout.pieceCount)
        for (index, file) in info.layout.files.enumerated() {
            let there: Int64
            switch found[index] {
            case .ok: continue
            case .wrongSize(_, let size): there = min(size, file.length)
            default: there = 0
            }
            guard there < file.length else { continue }
            let first = Int((file.offset + there) / Int64(info.layout.pieceLength))
            for piece in first..<info.layout.pieces(ofFile: index).upperBound { readable[piece] = false }
        }
        return readable.indices.filter { readable[$0] }
    }

    private func isRight(_ piece: PieceIndex, v1: SHA1Digest?, v2: SHA256Digest?) -> Bool {
        let expectedV1 = hashes.v1(piece)
        let expectedV2 = hashes.v2(piece)
        guard expectedV1 != nil || expectedV2 != nil else { return false }
        return (expectedV1 == nil || expectedV1 == v1) && (expectedV2 == nil || expectedV2?.root == v2)
    }

    private static func verdict(_ problem: ReadProblem, _ before: FileVerdict) -> FileVerdict {
        switch problem {
        case .system(let operation, let error):
            error.isAbsence ? .missing : .unreadable(operation: operation, error)
        case .notAFile: .notAFile
        // The file was long enough a moment ago. Its pieces are not correct; there is nothing to add.
        case .short, .changed: before
        }
    }

    private func report(_ found: [FileVerdict], _ verdicts: [Verdict]) -> VerifyReport {
        var right = PieceSet(size: info.layout.pieceCount)
        for (piece, verdict) in verdicts.enumerated() where verdict == .right { right.insert(piece) }
        let files = info.layout.files.indices.map { index -> FileVerdict in
            guard found[index] == .ok, !info.layout.files[index].isPadding else { return found[index] }
            let pieces = info.layout.pieces(ofFile: index).map { PieceIndex(unchecked: $0) }
            let wrong = pieces.filter { verdicts[$0.value] == .wrong }
            if !wrong.isEmpty { return .corrupt(pieces: wrong) }
            let unread = pieces.filter { verdicts[$0.value] == .missing }
            return unread.isEmpty ? .ok : .unverifiable(pieces: unread)
        }
        return VerifyReport(right: right, files: files)
    }
}
