import Blobs
import Files
import Glibc
import Hashing
import Metainfo
import Synchronization
import Threads

/// Loads the catalogue of a directory: from the catalogue's file, corrected by the names of the blobs that are in the
/// directory. A blob's torrent is read only if the blob is missing from the catalogue's file.
struct CatalogueLoad: Sendable {
    let catalogue: BlobCatalogue
    let directory: BlobDirectory

    /// Loads the catalogue. Blocks.
    /// - Returns: blobs whose torrents are missing or wrong. They must be made again from the blobs' bytes.
    func run(_ file: CatalogueFile?, threads: Int) throws -> [SHA256Digest] {
        // If the file cannot be read, the load only takes longer.
        try? file?.read { catalogue.adopt($0) }
        let parts = try directory.parts()
        let next = Atomic(0)
        let found = Mutex(Found())
        let work: @Sendable () -> Void = {
            while case let index = next.add(1, ordering: .relaxed).oldValue, index < parts.count {
                let part = Result { try look(into: parts[index]) }
                found.withLock { $0.add(part) }
            }
        }
        let others = (1..<max(1, threads)).compactMap { _ in Threads.start(name: "catalogue", work) }
        work()
        for thread in others { pthread_join(thread, nil) }
        let (incomplete, marks, problem) = found.withLock { ($0.incomplete, $0.marks, $0.problem) }
        if let problem { throw problem }
        catalogue.removeUnmarked(marks)
        return incomplete.sorted()
    }

    private struct Part: Sendable {
        var incomplete: [SHA256Digest] = []
        var marks = RowMarks()
    }

    private struct Found {
        var incomplete: [SHA256Digest] = []
        var marks = RowMarks()
        var problem: (any Error)?

        mutating func add(_ part: Result<Part, any Error>) {
            switch part {
            case .failure(let error): problem = problem ?? error
            case .success(let part):
                incomplete += part.incomplete
                marks.formUnion(part.marks)
            }
        }
    }

    private func look(into name: FileName) throws -> Part {
        var part = Part()
        try directory.forEachDigest(in: name) { digests throws(SystemError) in
            for digest in catalogue.unknown(digests, marking: &part.marks) {
                guard try read(digest) else {
                    part.incomplete.append(digest)
                    continue
                }
                _ = catalogue.unknown([digest], marking: &part.marks)
            }
        }
        return part
    }

    /// Adds a blob that was missing from the catalogue's file.
    /// - Returns: false for a blob whose torrent is missing or wrong.
    private func read(_ digest: SHA256Digest) throws(SystemError) -> Bool {
        guard let status = try directory.status(of: digest) else { return true }
        let usedAt = Double(status.modified) / 1e9
        if status.size == 0 {
            catalogue.add(digest, nil, usedAt: usedAt)
            return true
        }
        guard let bytes = try directory.info(of: digest),
            let info = try? BlobInfo.parse(bytes, expecting: InfoExpectation(blob: digest, length: status.size))
        else { return false }
        catalogue.add(digest, info, usedAt: usedAt)
        return true
    }
}

extension BlobCatalogue {
    /// Loads the blobs of a directory, without a catalogue's file. Blocks.
    /// - Returns: blobs whose torrents are missing or wrong. They must be made again from the blobs' bytes.
    package func load(_ directory: BlobDirectory) throws -> [SHA256Digest] {
        try CatalogueLoad(catalogue: self, directory: directory).run(nil, threads: 1)
    }
}
