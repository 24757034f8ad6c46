import Admission
import BlobNode
import ColdStore
import HTTPServing
import Hummingbird
import MetricFamilies
import NameIndex
import Threads

/// `/metrics` of an origin.
struct OriginMetrics: Sendable {
    let node: BlobNode
    let cold: ColdStore?
    let upkeep: OriginUpkeep?
    /// Of the index in the same process.
    let index: IndexMetrics
    let admission: Admission

    func page() async -> Response {
        let figures = node.catalogue.figures
        let queue = try? await cold?.writeBack.figures()
        let waiting = queue?.oldest.map { max(0, Clocks.wallSeconds - $0) } ?? 0
        let scrub = await upkeep?.scrubber.figuresSoFar
        let families = [
            MetricFamily("swoop_origin_blobs", .gauge, "Blobs that are kept here.", Double(figures.blobs)),
            MetricFamily("swoop_origin_bytes", .gauge, "Bytes of them.", Double(figures.bytes)),
            MetricFamily(
                name: "swoop_origin_sent_bytes_total", kind: .counter, help: "Bytes of blobs given to others.",
                samples: [.init(labels: [("to", "peers")], value: Double(node.swarm.sentBytes))]),
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
        let all = families + (await index.families()) + AdmissionFamilies.all(of: admission.figures)
        return .text(MetricsPage.text(all), type: MetricsPage.type)
    }
}
