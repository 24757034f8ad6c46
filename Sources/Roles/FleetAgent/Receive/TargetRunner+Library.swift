import Fleet
import FleetLink
import Hashing
import JSON
import Jobs
import Metainfo
import Threads

// What lies on this host already is copied, and what a job brought is known to later ones.
extension TargetRunner {
    /// Gets the SHA-1 of each file. Without them nothing is copied.
    func learnDigests() async {
        guard digests == nil, record.restores == nil else { return }
        let path = context.places.digests(job)
        let count = record.offer.content.files
        let kept = await Threads.offload { () -> FileDigests? in
            guard let bytes = try? PathFiles.read(path, limit: FileDigests.most) else { return nil }
            return try? FileDigests(bytes: bytes, limits: FileDigests.limits)
        }
        if let kept, kept.sha1.count == count {
            digests = kept.sha1
            return
        }
        guard let asked = try? await context.link.digests(of: job), asked.sha1.count == count else {
            digests = []
            return
        }
        digests = asked.sha1
        await Threads.offload { try? PathFiles.write(asked.bytes, to: path, mode: 0o600) }
    }

    /// Files of the job that are on this host, by their place in it.
    /// - Parameter sizes: of all files.
    func filesHere(_ sizes: [Int64]) async -> Set<Int> {
        guard let digests, digests.count == sizes.count else { return [] }
        var here: Set<Int> = []
        for (index, size) in sizes.enumerated() where size > 0 {
            if await context.library.find(digests[index], size: size) != nil { here.insert(index) }
        }
        return here
    }

    /// The content lies at its final place: later jobs find it there.
    func noteInLibrary() async {
        if let final = places?.final { await noteInLibrary(at: final) }
    }

    /// The same of complete content that is not published.
    func noteInLibrary(at place: String) async {
        guard let torrent, let digests else { return }
        let files = torrent.info.layout.files.filter { !$0.isPadding }
        guard files.count == digests.count else { return }
        for (file, digest) in zip(files, digests) where file.length > 0 {
            let path =
                torrent.info.isSingleFile ? place : "\(place)/\(String(decoding: file.path.bytes, as: UTF8.self))"
            await context.library.note(path, digest: digest, size: file.length)
        }
    }
}
