import Testing
import Text

@testable import swoop

@Suite struct OriginOrderTests {
    /// An interrupted upload goes on at the origin where it began.
    @Test func `a host asks the origins in the same order each time`() throws {
        let origins = try (1...6).map { try #require(HTTPURL("http://10.0.0.\($0):15002")) }
        let order = RegistryArguments.ownOrder(origins)
        #expect(Set(order) == Set(origins) && order.count == 6)
        for _ in 0..<20 { #expect(RegistryArguments.ownOrder(origins.shuffled()) == order) }
    }
}
