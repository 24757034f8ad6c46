import HTTPOrigin
import Hashing
import Metainfo
import Policy

/// Content that is to be on this host: which files, from which sources, under which policy, at which place.
package struct Job: Sendable {
    /// Names the job among those of its front end, and in logs.
    package let name: String
    /// Policy and runner know a file by its place in this list.
    package let files: [JobFile]
    /// Whether the content is one file and no directory.
    package let isSingleFile: Bool
    package let torrents: JobTorrents
    package let plan: DeliveryPlan
    package let places: JobPlaces
    package let sources: JobSources
    /// Bytes per second that each method may take; nil for no limit.
    package let rateLimits: PerMethod<Int?>

    package init(
        name: String, files: [JobFile], isSingleFile: Bool, torrents: JobTorrents, plan: DeliveryPlan,
        places: JobPlaces, sources: JobSources, rateLimits: PerMethod<Int?> = PerMethod(repeating: nil)
    ) {
        self.name = name
        self.files = files
        self.isSingleFile = isSingleFile
        self.torrents = torrents
        var plan = plan
        // Empty files are in no piece: the method that has the share makes them.
        plan.torrentFiles = Set(torrents.served?.indices.keys ?? [:].keys)
            .union(plan.torrentFiles.filter { files.indices.contains($0) && files[$0].size == 0 })
        // Content is kept where it has a final place, and nowhere else.
        plan.keepsContent = places.final != nil
        self.plan = plan
        self.places = places
        self.sources = sources
        self.rateLimits = rateLimits
    }

    /// Bytes of all files.
    package var totalSize: Int64 { files.reduce(0) { $0 &+ $1.size } }

    /// Bytes of some files. What is no file of the job counts as nothing: a record may be older than the job.
    package func size(of some: Set<Int>) -> Int64 {
        some.reduce(0) { files.indices.contains($1) ? $0 &+ files[$1].size : $0 }
    }

    /// The path of a file when the content lies at `place`.
    package func path(of file: Int, in place: String) -> String {
        isSingleFile ? place : "\(place)/\(files[file].path)"
    }

    /// Bytes of each method's files that did not lie here already.
    /// - Parameter local: files that did.
    package func shares(besides local: Set<Int>) -> PerMethod<Int64> {
        var shares = PerMethod<Int64>(repeating: 0)
        for (file, method) in plan.homes.enumerated() where !local.contains(file) && files.indices.contains(file) {
            if let method { shares[method] &+= files[file].size }
        }
        return shares
    }
}

/// One file of a job.
package struct JobFile: Sendable, Hashable {
    /// Below the content's directory; for content of one file, its name.
    package let path: String
    /// Bytes.
    package let size: Int64
    /// Of the whole file. Nil where the torrent's pieces are all there is to check.
    package let digest: SHA1Digest?

    package init(path: String, size: Int64, digest: SHA1Digest?) {
        self.path = path
        self.size = size
        self.digest = digest
    }
}

/// A torrent, and which of its files are the job's.
package struct JobTorrent: Sendable {
    package let torrent: Torrent
    /// For each file of the job that is in it, the index in the torrent's layout.
    package let indices: [Int: Int]

    package init(_ torrent: Torrent, indices: [Int: Int]) {
        self.torrent = torrent
        self.indices = indices
    }
}

/// The torrents by which a job's content comes.
package struct JobTorrents: Sendable {
    /// The one that peers serve; nil where they serve nothing of it.
    package var served: JobTorrent?
    /// Of everything, for what the other methods fetch; nil where `served` has all.
    package var full: JobTorrent?

    package init(served: JobTorrent? = nil, full: JobTorrent? = nil) {
        self.served = served
        self.full = full
    }
}

/// Makes the sources of a job that are no peers.
package struct JobSources: Sendable {
    private let make: @Sendable (DeliveryMethod, ContentLayout) -> Result<any RangeSource, SourceTrouble>?

    /// - Parameter make: the source of a method for content of this layout. Nil where the job has none; a failure where
    ///   it has one that cannot be used as things are.
    package init(_ make: @escaping @Sendable (DeliveryMethod, ContentLayout) -> Result<any RangeSource, SourceTrouble>?)
    {
        self.make = make
    }

    package static let none = JobSources { _, _ in nil }

    func source(_ method: DeliveryMethod, _ layout: ContentLayout) -> Result<any RangeSource, SourceTrouble>? {
        make(method, layout)
    }
}
