import BFT
import Policy
import Testing

@Suite struct TaskPlanTests {
    @Test func `plan of a task takes what the task says`() throws {
        var task = try TaskFile.parse(Array(TaskFileTests.sample.utf8))
        task.setSplit([.bt: [0], .obs: [3], .cdn: [1, 2, 4]])
        task.setLocalSameFiles([1])
        task.payable = [.obs]
        let configuration = NodeConfiguration(role: .receiver)
        let plan = DeliveryPlan(task: task, configuration: configuration)
        #expect(plan.homes == [.bt, .cdn, .cdn, .obs, .cdn])
        #expect(plan.localFiles == [1])
        #expect(plan.torrentFiles == [0])
        #expect(plan.usable == [.bt, .obs, .cdn])
        #expect(plan.windows.cdn == QuietWindow("18:00-05:00"))
        #expect(plan.seedTime == 72 * 3600)
        let cacher = DeliveryPlan(task: task, configuration: NodeConfiguration(role: .cacher))
        #expect(cacher.homes == [.bt, nil, nil, nil, nil])
        #expect(cacher.localFiles.isEmpty)
        #expect(cacher.usable == [.bt])
        #expect(!cacher.keepsContent)
    }
}
