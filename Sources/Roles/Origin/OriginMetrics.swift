import Admission
import BlobNode
import ColdStore
import HTTPServing
import Hummingbird
import MetricFamilies
import NameIndex

/// `/metrics` of an origin that has the index in the same process.
struct OriginMetrics: Sendable {
    let node: BlobNode
    let cold: ColdStore?
    let upkeep: OriginUpkeep?
    /// Metrics of the index in the same process.
    let index: IndexMetrics
    let admission: Admission

    func page() async -> Response {
        let families = await OriginFamilies.of(node, cold: cold, upkeep: upkeep)
        let all = families + (await index.families()) + AdmissionFamilies.all(of: admission.figures)
        return .text(MetricsPage.text(all), type: MetricsPage.type)
    }
}
