import Policy

/// The plan for making a task: what exists, and what must be hashed.
struct GeneratePlan: Sendable {
    let request: GenerateRequest
    let torrents: ContentTorrents
    let torrentPath: String
    /// Nil if there is no torrent of a share.
    let shareTorrentPath: String?
    /// Indices in the scan.
    let split: [DeliveryMethod: [Int]]
    let memoryPath: String
    let generationTime: String

    /// Whether all torrents exist and all digests are known.
    var needsNoReading: Bool { torrents.needsNoReading }
}
