import BlobNode
import ColdStore
import MetricFamilies
import Threads

/// Metrics that every origin has, be it alone or one of several.
package enum OriginFamilies {
    /// - Parameters:
    ///   - cold: nil without back ends.
    package static func of(_ node: BlobNode, cold: ColdStore?, upkeep: OriginUpkeep?) async -> [MetricFamily] {
        let figures = node.catalogue.figures
        let queue = try? await cold?.writeBack.figures()
        let waiting = queue?.oldest.map { max(0, Clocks.wallSeconds - $0) } ?? 0
        let (sent, sentToOrigins) = (node.swarm.sentBytes, node.swarm.sentToOrigins)
        let scrub = await upkeep?.scrubber.figuresSoFar
        return [
            MetricFamily("swoop_origin_blobs", .gauge, "Blobs that are kept here.", Double(figures.blobs)),
            MetricFamily("swoop_origin_bytes", .gauge, "Bytes of them.", Double(figures.bytes)),
            MetricFamily(
                name: "swoop_origin_sent_bytes_total", kind: .counter, help: "Bytes of blobs given to others.",
                samples: [
                    MetricFamily.Sample(labels: [("to", "agents")], value: Double(sent - sentToOrigins)),
                    MetricFamily.Sample(labels: [("to", "origins")], value: Double(sentToOrigins)),
                ]),
            MetricFamily(
                "swoop_origin_copies_sent", .counter,
                "Copies of blobs given to agents: bytes of each blob, over its size.", node.swarm.copiesSent),
            MetricFamily(
                "swoop_origin_writeback_tasks", .gauge, "Blobs that a back end is still to get.",
                Double(queue?.tasks ?? 0)),
            MetricFamily(
                "swoop_origin_writeback_oldest_seconds", .gauge, "Age of the oldest of them.", waiting),
            MetricFamily(
                "swoop_origin_bad_total", .counter, "Pieces that were found wrong on the disk.",
                Double(scrub?.bad ?? 0)),
            MetricFamily(
                "swoop_origin_mended_total", .counter, "Pieces that were mended.", Double(scrub?.mended ?? 0)),
            MetricFamily(
                "swoop_origin_scrubbed_bytes_total", .counter, "Bytes that were held against their digests.",
                Double(scrub?.bytes ?? 0)),
        ]
    }
}
