import Admission
import BlobNode
import ColdStore
import HTTPServing
import Hummingbird
import MetricFamilies
import Origin

/// `/metrics` of an origin in a cluster.
struct OriginMetrics: Sendable {
    let node: BlobNode
    let cold: ColdStore?
    let repair: Repair
    let watch: ClusterWatch
    let upkeep: OriginUpkeep?
    let admission: Admission

    func page() async -> Response {
        let placement = watch.placement
        let families = [
            MetricFamily(
                "swoop_origin_repair_blobs", .gauge, "Blobs that are to be copied here from other origins.",
                Double(await repair.missing)),
            MetricFamily(
                "swoop_origin_origins_up", .gauge, "Origins that answer, this one included.",
                Double(placement.hosts.count - placement.down.count)),
        ]
        let own = await OriginFamilies.of(node, cold: cold, upkeep: upkeep)
        return .text(
            MetricsPage.text(own + families + AdmissionFamilies.all(of: admission.figures)), type: MetricsPage.type)
    }
}
