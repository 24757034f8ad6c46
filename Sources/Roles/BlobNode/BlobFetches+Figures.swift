import Hashing
import Swarm

/// How far fetches are.
extension BlobFetches {
    /// The progress of a fetch that is under way; nil if there is none.
    package func progress(of digest: SHA256Digest) async -> FetchProgress? {
        guard let fetch = fetches[digest] else { return nil }
        let (status, total) = (await fetch.transfer?.status(), fetch.plan.info.length)
        guard let status else {
            return FetchProgress(
                done: 0, total: total, rate: 0, peers: 0, origins: 0,
                trouble: "it waits for other downloads of this host")
        }
        return FetchProgress(
            done: status.done, total: total, rate: status.down, peers: status.peers - status.givenPeers,
            origins: status.givenPeers, trouble: status.trouble(after: fetch.warning))
    }

    /// Whether peers that connect now are served by the transfer of a blob that is being fetched.
    package func isServing(_ digest: SHA256Digest) async -> Bool {
        switch await fetches[digest]?.transfer?.status().state {
        case .downloading, .seeding: true
        case .checking, .fetchingMetadata, .stopped, nil: false
        }
    }

    /// How the source beside peers does of a blob that is being fetched; nil for any other.
    package func sourceState(of digest: SHA256Digest) async -> SourceStatus.State? {
        await fetches[digest]?.transfer?.status().sources[BlobDownload.sourceID]?.state
    }

    /// Where a blob comes from that is being fetched; nil for any other.
    package func plan(of digest: SHA256Digest) -> Plan? { fetches[digest]?.plan }

    /// Blobs that are being fetched.
    package var digestsUnderWay: [SHA256Digest] { fetches.digests }

    /// Blobs that are still uploaded by the transfers that fetched them. These transfers also announce them.
    package var digestsGiven: Set<SHA256Digest> { giving.digests }

    /// The number of peers of each blob of ``digestsGiven``.
    package func peersOfGiven() async -> [SHA256Digest: Int] {
        var peers: [SHA256Digest: Int] = [:]
        for given in giving.all { peers[given.digest] = await given.transfer.status().peers }
        return peers
    }

    package func figures() async -> FetchFigures {
        var figures = ended
        figures.underWay = fetches.count
        for transfer in fetches.transfers + giving.all.map(\.transfer) {
            figures.add(await transfer.status())
        }
        return figures
    }
}
