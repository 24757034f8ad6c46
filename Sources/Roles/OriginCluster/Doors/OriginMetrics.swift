import Admission
import BlobNode
import ColdStore
import HTTPServing
import Hummingbird
import MetricFamilies
import Origin
import Synchronization
import Threads

/// `/metrics` of an origin.
struct OriginMetrics: Sendable {
    let node: BlobNode
    let cold: ColdStore?
    let repair: Repair
    let watch: ClusterWatch
    let upkeep: OriginUpkeep?
    let admission: Admission

    func page() async -> Response {
        let figures = node.catalogue.figures
        let tasks = try? await cold?.writeBack.figures()
        let oldest = tasks?.oldest.map { max(0, Clocks.wallSeconds - $0) } ?? 0
        let placement = watch.placement
        let scrub = await upkeep?.scrubber.figuresSoFar
        let families = [
            MetricFamily("swoop_origin_blobs", .gauge, "Blobs that are kept here.", Double(figures.blobs)),
            MetricFamily("swoop_origin_bytes", .gauge, "Their bytes.", Double(figures.bytes)),
            MetricFamily(
                name: "swoop_origin_sent_bytes_total", kind: .counter, help: "Bytes of blobs that were given.",
                samples: [MetricFamily.Sample(labels: [("to", "peers")], value: Double(node.swarm.sentBytes))]),
            MetricFamily(
                "swoop_origin_writeback_tasks", .gauge, "Blobs that wait to be brought to a back end.",
                Double(tasks?.tasks ?? 0)),
            MetricFamily(
                "swoop_origin_writeback_oldest_seconds", .gauge, "How long the first of them has waited.", oldest),
            MetricFamily(
                "swoop_origin_repair_blobs", .gauge, "Blobs that are to be copied here from other origins.",
                Double(await repair.missing)),
            MetricFamily(
                "swoop_origin_bad_total", .counter, "Pieces that were found wrong on the disk.",
                Double(scrub?.bad ?? 0)),
            MetricFamily(
                "swoop_origin_mended_total", .counter, "Pieces that were mended.", Double(scrub?.mended ?? 0)),
            MetricFamily(
                "swoop_origin_origins_up", .gauge, "Origins that answer, this one included.",
                Double(placement.hosts.count - placement.down.count)),
        ]
        return .text(
            MetricsPage.text(families + AdmissionFamilies.all(of: admission.figures)), type: MetricsPage.type)
    }
}
