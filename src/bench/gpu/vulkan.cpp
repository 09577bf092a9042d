// Vulkan as a Gpu: the loader is opened at run time, the kernels are SPIR-V made while building.

#include <vulkan/vulkan.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>

#include "base/text.hpp"
#include "base/units.hpp"
#include "bench/gpu/gpu.hpp"
#include "bench/gpu/spirv.hpp"
#include "bench/sensors.hpp"

namespace rigcast::bench {
namespace {

constexpr std::uint32_t kMostBuffers = 4, kMostNumbers = 8;
constexpr std::uint32_t kLaunchesAtOnce = 1024;   // descriptor sets of one command buffer

tl::unexpected<Error> trouble(const char* what, VkResult code) {
  const char* means = code == VK_ERROR_OUT_OF_DEVICE_MEMORY || code == VK_ERROR_OUT_OF_HOST_MEMORY ? " (out of memory)" : code == VK_ERROR_DEVICE_LOST ? " (the device is gone)" : "";
  return fail(ErrorKind::system, std::string(what) + " answers " + std::to_string(code) + means);
}

// The instance, shared by its devices.
struct Instance {
  Library library;
  PFN_vkGetInstanceProcAddr get = nullptr;
  VkInstance handle = nullptr;
  template <class Function>
  Function find(const char* name) const { return reinterpret_cast<Function>(get(handle, name)); }
  Instance(Library loaded, PFN_vkGetInstanceProcAddr address) : library(loaded), get(address) {}
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance() { if (handle) find<PFN_vkDestroyInstance>("vkDestroyInstance")(handle, nullptr); }
};

#define RC_VK_FUNCTIONS(X)                                                                                                                              \
  X(vkDestroyDevice) X(vkGetDeviceQueue) X(vkDeviceWaitIdle) X(vkCreateBuffer) X(vkDestroyBuffer) X(vkGetBufferMemoryRequirements) X(vkAllocateMemory)   \
  X(vkFreeMemory) X(vkBindBufferMemory) X(vkMapMemory) X(vkCreateDescriptorSetLayout) X(vkDestroyDescriptorSetLayout) X(vkCreatePipelineLayout)          \
  X(vkDestroyPipelineLayout) X(vkCreateShaderModule) X(vkDestroyShaderModule) X(vkCreateComputePipelines) X(vkDestroyPipeline) X(vkCreateDescriptorPool) \
  X(vkDestroyDescriptorPool) X(vkResetDescriptorPool) X(vkAllocateDescriptorSets) X(vkUpdateDescriptorSets) X(vkCreateCommandPool) X(vkDestroyCommandPool) \
  X(vkAllocateCommandBuffers) X(vkBeginCommandBuffer) X(vkEndCommandBuffer) X(vkCmdBindPipeline) X(vkCmdBindDescriptorSets) X(vkCmdPushConstants)        \
  X(vkCmdDispatch) X(vkCmdPipelineBarrier) X(vkCmdCopyBuffer) X(vkCmdWriteTimestamp) X(vkCmdResetQueryPool) X(vkCreateQueryPool) X(vkDestroyQueryPool)   \
  X(vkGetQueryPoolResults) X(vkQueueSubmit) X(vkCreateFence) X(vkDestroyFence) X(vkWaitForFences) X(vkResetFences)

struct Functions {
#define RC_VK_MEMBER(name) PFN_##name name = nullptr;
  RC_VK_FUNCTIONS(RC_VK_MEMBER)
#undef RC_VK_MEMBER
};

struct Held { VkBuffer buffer = nullptr; VkDeviceMemory memory = nullptr; void* mapped = nullptr; std::size_t bytes = 0; };

#define RC_VK(what, call) \
  if (const VkResult code = (call); code != VK_SUCCESS) return lost_ = lost_ || code == VK_ERROR_DEVICE_LOST, trouble(what, code)

class VulkanGpu : public Gpu {
 public:
  VulkanGpu(std::shared_ptr<const Instance> instance, VkPhysicalDevice physical, std::uint32_t family, double tick, DeviceInfo info)
      : instance_(std::move(instance)), physical_(physical), family_(family), tick_(tick), info_(std::move(info)) {}
  VulkanGpu(const VulkanGpu&) = delete;
  VulkanGpu& operator=(const VulkanGpu&) = delete;
  ~VulkanGpu() override {
    if (!device_) return;
    vk_.vkDeviceWaitIdle(device_);
    for (auto& [id, held] : memory_) destroy(held);
    for (Held* held : {&staging_, &landing_}) destroy(*held);
    for (const auto& [name, pipeline] : pipelines_) vk_.vkDestroyPipeline(device_, pipeline, nullptr);
    if (fence_) vk_.vkDestroyFence(device_, fence_, nullptr);
    if (times_) vk_.vkDestroyQueryPool(device_, times_, nullptr);
    if (sets_) vk_.vkDestroyDescriptorPool(device_, sets_, nullptr);
    if (commands_) vk_.vkDestroyCommandPool(device_, commands_, nullptr);
    if (layout_) vk_.vkDestroyPipelineLayout(device_, layout_, nullptr);
    if (set_layout_) vk_.vkDestroyDescriptorSetLayout(device_, set_layout_, nullptr);
    vk_.vkDestroyDevice(device_, nullptr);
  }

  const DeviceInfo& info() const override { return info_; }
  bool lost() const override { return lost_; }

  Result<Buffer> allocate(std::size_t bytes) override {
    RC_TRY(start());
    RC_ASSIGN(held, make(bytes, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, false));
    memory_[++last_] = held;
    return last_;
  }
  void release(Buffer buffer) override {
    const auto found = memory_.find(buffer);
    if (found == memory_.end()) return;
    vk_.vkDeviceWaitIdle(device_);
    destroy(found->second);
    memory_.erase(found);
  }
  Result<void> put(Buffer buffer, std::size_t offset, std::span<const std::byte> from) override {
    RC_TRY(stage(staging_, from.size()));
    std::memcpy(staging_.mapped, from.data(), from.size());
    return move(staging_.buffer, 0, memory_.at(buffer).buffer, offset, from.size());
  }
  Result<void> get(Buffer buffer, std::size_t offset, std::span<std::byte> to) override {
    RC_TRY(stage(landing_, to.size()));
    RC_TRY(move(memory_.at(buffer).buffer, offset, landing_.buffer, 0, to.size()));
    std::memcpy(to.data(), landing_.mapped, to.size());
    return {};
  }

  Result<double> run(std::span<const Launch> launches) override {
    RC_TRY(start());
    double seconds = 0;
    while (!launches.empty()) {
      const auto part = launches.first(std::min<std::size_t>(launches.size(), kLaunchesAtOnce));
      RC_ASSIGN(some, run_some(part));
      seconds += some;
      launches = launches.subspan(part.size());
    }
    return seconds;
  }

  Result<double> transfer(Way way, std::size_t bytes, int runs) override {
    RC_TRY(start());
    if (moved_bytes_ != bytes) {
      moved_bytes_ = 0;
      for (Buffer& buffer : moved_) {
        if (buffer) release(buffer);
        RC_ASSIGN(fresh, allocate(bytes));
        buffer = fresh;
      }
      moved_bytes_ = bytes;
    }
    RC_TRY(stage(staging_, bytes));
    RC_TRY(stage(landing_, bytes));
    return timed([&] {
      for (int r = 0; r < runs; ++r) {
        const VkBufferCopy whole{0, 0, bytes};
        if (way != Way::out) vk_.vkCmdCopyBuffer(command_, staging_.buffer, memory_.at(moved_[0]).buffer, 1, &whole);
        if (way != Way::in) vk_.vkCmdCopyBuffer(command_, memory_.at(moved_[1]).buffer, landing_.buffer, 1, &whole);
        barrier();
      }
    });
  }

 private:
  Result<void> start() {
    if (device_ && fence_) return {};
    if (!device_) RC_TRY(make_device());
    std::array<VkDescriptorSetLayoutBinding, kMostBuffers> bindings{};
    for (std::uint32_t i = 0; i < kMostBuffers; ++i) bindings[i] = {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
    VkDescriptorSetLayoutCreateInfo set{};
    set.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, set.bindingCount = kMostBuffers, set.pBindings = bindings.data();
    RC_VK("vkCreateDescriptorSetLayout", vk_.vkCreateDescriptorSetLayout(device_, &set, nullptr, &set_layout_));
    const VkPushConstantRange numbers{VK_SHADER_STAGE_COMPUTE_BIT, 0, 4 * kMostNumbers};
    VkPipelineLayoutCreateInfo layout{};
    layout.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, layout.setLayoutCount = 1, layout.pSetLayouts = &set_layout_, layout.pushConstantRangeCount = 1, layout.pPushConstantRanges = &numbers;
    RC_VK("vkCreatePipelineLayout", vk_.vkCreatePipelineLayout(device_, &layout, nullptr, &layout_));
    const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kMostBuffers * kLaunchesAtOnce};
    VkDescriptorPoolCreateInfo sets{};
    sets.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, sets.maxSets = kLaunchesAtOnce, sets.poolSizeCount = 1, sets.pPoolSizes = &size;
    RC_VK("vkCreateDescriptorPool", vk_.vkCreateDescriptorPool(device_, &sets, nullptr, &sets_));
    VkCommandPoolCreateInfo pool{};
    pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT, pool.queueFamilyIndex = family_;
    RC_VK("vkCreateCommandPool", vk_.vkCreateCommandPool(device_, &pool, nullptr, &commands_));
    VkCommandBufferAllocateInfo command{};
    command.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, command.commandPool = commands_, command.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY, command.commandBufferCount = 1;
    RC_VK("vkAllocateCommandBuffers", vk_.vkAllocateCommandBuffers(device_, &command, &command_));
    VkQueryPoolCreateInfo times{};
    times.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, times.queryType = VK_QUERY_TYPE_TIMESTAMP, times.queryCount = 2;
    RC_VK("vkCreateQueryPool", vk_.vkCreateQueryPool(device_, &times, nullptr, &times_));
    VkFenceCreateInfo fence{};
    fence.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
    RC_VK("vkCreateFence", vk_.vkCreateFence(device_, &fence, nullptr, &fence_));
    return {};
  }

  // The kernels read bytes and 16-bit words from buffers; a device without that is refused here.
  Result<void> make_device() {
    const float priority = 1;
    VkDeviceQueueCreateInfo queue{};
    queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, queue.queueFamilyIndex = family_, queue.queueCount = 1, queue.pQueuePriorities = &priority;
    VkPhysicalDevice8BitStorageFeatures bytes{};
    bytes.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES, bytes.storageBuffer8BitAccess = VK_TRUE;
    VkPhysicalDevice16BitStorageFeatures words{};
    words.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES, words.pNext = &bytes, words.storageBuffer16BitAccess = VK_TRUE;
    const std::array extensions = {VK_KHR_8BIT_STORAGE_EXTENSION_NAME, VK_KHR_16BIT_STORAGE_EXTENSION_NAME, VK_KHR_STORAGE_BUFFER_STORAGE_CLASS_EXTENSION_NAME};
    VkDeviceCreateInfo wanted{};
    wanted.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, wanted.pNext = &words, wanted.queueCreateInfoCount = 1, wanted.pQueueCreateInfos = &queue;
    wanted.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size()), wanted.ppEnabledExtensionNames = extensions.data();
    RC_VK("vkCreateDevice", instance_->find<PFN_vkCreateDevice>("vkCreateDevice")(physical_, &wanted, nullptr, &device_));
    const auto find = instance_->find<PFN_vkGetDeviceProcAddr>("vkGetDeviceProcAddr");
#define RC_VK_FIND(name) \
  if (!(vk_.name = reinterpret_cast<PFN_##name>(find(device_, #name)))) return fail(ErrorKind::system, "the driver lacks " #name);
    RC_VK_FUNCTIONS(RC_VK_FIND)
#undef RC_VK_FIND
    vk_.vkGetDeviceQueue(device_, family_, 0, &queue_);
    return {};
  }

  Result<Held> make(std::size_t bytes, VkMemoryPropertyFlags flags, bool map) {
    Held held{.bytes = bytes};
    VkBufferCreateInfo buffer{};
    buffer.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, buffer.size = bytes;
    buffer.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    RC_VK("vkCreateBuffer", vk_.vkCreateBuffer(device_, &buffer, nullptr, &held.buffer));
    VkMemoryRequirements needs{};
    vk_.vkGetBufferMemoryRequirements(device_, held.buffer, &needs);
    VkPhysicalDeviceMemoryProperties kinds{};
    instance_->find<PFN_vkGetPhysicalDeviceMemoryProperties>("vkGetPhysicalDeviceMemoryProperties")(physical_, &kinds);
    VkMemoryAllocateInfo wanted{};
    wanted.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, wanted.allocationSize = needs.size, wanted.memoryTypeIndex = kinds.memoryTypeCount;
    for (std::uint32_t i = kinds.memoryTypeCount; i-- > 0;)
      if ((needs.memoryTypeBits >> i & 1) && (kinds.memoryTypes[i].propertyFlags & flags) == flags) wanted.memoryTypeIndex = i;
    VkResult code = VK_ERROR_FEATURE_NOT_PRESENT;
    if (wanted.memoryTypeIndex < kinds.memoryTypeCount) code = vk_.vkAllocateMemory(device_, &wanted, nullptr, &held.memory);
    if (code == VK_SUCCESS) code = vk_.vkBindBufferMemory(device_, held.buffer, held.memory, 0);
    if (code == VK_SUCCESS && map) code = vk_.vkMapMemory(device_, held.memory, 0, VK_WHOLE_SIZE, 0, &held.mapped);
    if (code == VK_SUCCESS) return held;
    destroy(held);
    return fail(ErrorKind::system, "out of memory: " + print_gib(Bytes(static_cast<double>(bytes))) + " wanted (Vulkan answers " + std::to_string(code) + ")");
  }
  void destroy(Held& held) {
    if (held.buffer) vk_.vkDestroyBuffer(device_, held.buffer, nullptr);
    if (held.memory) vk_.vkFreeMemory(device_, held.memory, nullptr);
    held = {};
  }
  // Host memory the device can reach, at least so large.
  Result<void> stage(Held& held, std::size_t bytes) {
    if (held.bytes >= bytes) return {};
    vk_.vkDeviceWaitIdle(device_);
    destroy(held);
    RC_ASSIGN(fresh, make(bytes, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, true));
    held = fresh;
    return {};
  }
  Result<void> move(VkBuffer from, std::size_t from_offset, VkBuffer to, std::size_t to_offset, std::size_t bytes) {
    const VkBufferCopy copy{from_offset, to_offset, bytes};
    RC_TRY(timed([&] { vk_.vkCmdCopyBuffer(command_, from, to, 1, &copy); }));
    return {};
  }

  Result<VkPipeline> pipeline_named(const std::string& name) {
    if (const auto found = pipelines_.find(name); found != pipelines_.end()) return found->second;
    const std::string_view binary = spirv(name);
    if (binary.empty()) return fail(ErrorKind::unsupported, "there is no Vulkan kernel " + name);
    VkShaderModuleCreateInfo wanted{};
    wanted.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, wanted.codeSize = binary.size();
    wanted.pCode = reinterpret_cast<const std::uint32_t*>(binary.data());
    VkShaderModule module = nullptr;
    RC_VK("vkCreateShaderModule", vk_.vkCreateShaderModule(device_, &wanted, nullptr, &module));
    VkComputePipelineCreateInfo pipeline{};
    pipeline.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, pipeline.layout = layout_;
    pipeline.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, pipeline.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    pipeline.stage.module = module, pipeline.stage.pName = "main";
    VkPipeline made = nullptr;
    const VkResult result = vk_.vkCreateComputePipelines(device_, nullptr, 1, &pipeline, nullptr, &made);
    vk_.vkDestroyShaderModule(device_, module, nullptr);
    if (result != VK_SUCCESS) return trouble(name.c_str(), result);
    pipelines_[name] = made;
    return made;
  }

  void barrier() {
    VkMemoryBarrier all{};
    all.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    all.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    all.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_HOST_READ_BIT;
    constexpr VkPipelineStageFlags work = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    vk_.vkCmdPipelineBarrier(command_, work, work | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &all, 0, nullptr, 0, nullptr);
  }

  // Records what `record` puts into the command buffer between two time stamps, submits it and waits.
  template <class Record>
  Result<double> timed(const Record& record) {
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    RC_VK("vkBeginCommandBuffer", vk_.vkBeginCommandBuffer(command_, &begin));
    vk_.vkCmdResetQueryPool(command_, times_, 0, 2);
    vk_.vkCmdWriteTimestamp(command_, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, times_, 0);
    record();
    barrier();
    vk_.vkCmdWriteTimestamp(command_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, times_, 1);
    RC_VK("vkEndCommandBuffer", vk_.vkEndCommandBuffer(command_));
    VkSubmitInfo submit{};
    submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, submit.commandBufferCount = 1, submit.pCommandBuffers = &command_;
    RC_VK("vkResetFences", vk_.vkResetFences(device_, 1, &fence_));
    RC_VK("vkQueueSubmit", vk_.vkQueueSubmit(queue_, 1, &submit, fence_));
    RC_VK("vkWaitForFences", vk_.vkWaitForFences(device_, 1, &fence_, VK_TRUE, UINT64_MAX));
    std::array<std::uint64_t, 2> stamps{};
    RC_VK("vkGetQueryPoolResults", vk_.vkGetQueryPoolResults(device_, times_, 0, 2, sizeof stamps, stamps.data(), 8, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    return std::max(1e-9, static_cast<double>(stamps[1] - stamps[0]) * tick_);
  }

  Result<double> run_some(std::span<const Launch> launches) {
    RC_VK("vkResetDescriptorPool", vk_.vkResetDescriptorPool(device_, sets_, 0));
    std::vector<std::pair<VkPipeline, VkDescriptorSet>> ready;
    for (const Launch& launch : launches) {
      RC_ASSIGN(pipeline, pipeline_named(launch.kernel));
      VkDescriptorSetAllocateInfo wanted{};
      wanted.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO, wanted.descriptorPool = sets_, wanted.descriptorSetCount = 1, wanted.pSetLayouts = &set_layout_;
      VkDescriptorSet set = nullptr;
      RC_VK("vkAllocateDescriptorSets", vk_.vkAllocateDescriptorSets(device_, &wanted, &set));
      std::array<VkDescriptorBufferInfo, kMostBuffers> infos{};
      std::array<VkWriteDescriptorSet, kMostBuffers> writes{};
      for (std::uint32_t i = 0; i < launch.buffers.size(); ++i) {
        infos[i] = {memory_.at(launch.buffers[i]).buffer, 0, VK_WHOLE_SIZE};
        writes[i].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, writes[i].dstSet = set, writes[i].dstBinding = i, writes[i].descriptorCount = 1;
        writes[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, writes[i].pBufferInfo = &infos[i];
      }
      vk_.vkUpdateDescriptorSets(device_, static_cast<std::uint32_t>(launch.buffers.size()), writes.data(), 0, nullptr);
      ready.emplace_back(pipeline, set);
    }
    return timed([&] {
      for (std::size_t i = 0; i < launches.size(); ++i) {
        const Launch& launch = launches[i];
        std::array<std::int32_t, kMostNumbers> numbers{};
        for (std::size_t k = 0; k < launch.numbers.size(); ++k) numbers[k] = static_cast<std::int32_t>(launch.numbers[k]);
        vk_.vkCmdBindPipeline(command_, VK_PIPELINE_BIND_POINT_COMPUTE, ready[i].first);
        vk_.vkCmdBindDescriptorSets(command_, VK_PIPELINE_BIND_POINT_COMPUTE, layout_, 0, 1, &ready[i].second, 0, nullptr);
        vk_.vkCmdPushConstants(command_, layout_, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof numbers, numbers.data());
        vk_.vkCmdDispatch(command_, static_cast<std::uint32_t>(launch.groups_x), static_cast<std::uint32_t>(launch.groups_y), 1);
        barrier();
      }
    });
  }

  std::shared_ptr<const Instance> instance_;
  VkPhysicalDevice physical_;
  std::uint32_t family_;
  double tick_;             // seconds of one step of the device's clock
  DeviceInfo info_;
  bool lost_ = false;
  Functions vk_;
  VkDevice device_ = nullptr;
  VkQueue queue_ = nullptr;
  VkDescriptorSetLayout set_layout_ = nullptr;
  VkPipelineLayout layout_ = nullptr;
  VkDescriptorPool sets_ = nullptr;
  VkCommandPool commands_ = nullptr;
  VkCommandBuffer command_ = nullptr;
  VkQueryPool times_ = nullptr;
  VkFence fence_ = nullptr;
  std::map<std::string, VkPipeline> pipelines_;
  std::map<Buffer, Held> memory_;
  Buffer last_ = 0;
  Held staging_, landing_;
  std::array<Buffer, 2> moved_{};
  std::size_t moved_bytes_ = 0;
};

#undef RC_VK

// A queue that computes and keeps time; nothing where the device has none.
std::optional<std::uint32_t> queue_family(const Instance& instance, VkPhysicalDevice device) {
  std::array<VkQueueFamilyProperties, 32> families{};
  std::uint32_t count = families.size();
  instance.find<PFN_vkGetPhysicalDeviceQueueFamilyProperties>("vkGetPhysicalDeviceQueueFamilyProperties")(device, &count, families.data());
  for (std::uint32_t i = 0; i < count; ++i)
    if ((families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) && families[i].timestampValidBits > 0) return i;
  return std::nullopt;
}

std::string version_text(std::uint32_t version) {
  return std::to_string(VK_API_VERSION_MAJOR(version)) + "." + std::to_string(VK_API_VERSION_MINOR(version)) + "." + std::to_string(VK_API_VERSION_PATCH(version));
}

// Empty where the driver does not tell.
std::string pci_address(const Instance& instance, VkPhysicalDevice device) {
  const auto list = instance.find<PFN_vkEnumerateDeviceExtensionProperties>("vkEnumerateDeviceExtensionProperties");
  const auto more = instance.find<PFN_vkGetPhysicalDeviceProperties2>("vkGetPhysicalDeviceProperties2");
  std::uint32_t count = 0;
  if (!list || !more || list(device, nullptr, &count, nullptr) != VK_SUCCESS) return {};
  std::vector<VkExtensionProperties> names(count);
  if (list(device, nullptr, &count, names.data()) < VK_SUCCESS) return {};
  if (std::none_of(names.begin(), names.end(), [](const VkExtensionProperties& name) { return std::string_view(name.extensionName) == VK_EXT_PCI_BUS_INFO_EXTENSION_NAME; })) return {};
  VkPhysicalDevicePCIBusInfoPropertiesEXT bus{};
  bus.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT;
  VkPhysicalDeviceProperties2 chain{};
  chain.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, chain.pNext = &bus;
  more(device, &chain);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04x:%02x:%02x.%x", bus.pciDomain & 0xffffu, bus.pciBus & 0xffu, bus.pciDevice & 0x1fu, bus.pciFunction & 7u);
  return text.data();
}

DeviceInfo describe(const Instance& instance, VkPhysicalDevice device, const VkPhysicalDeviceProperties& properties, int number) {
  DeviceInfo info{.id = "vulkan:" + std::to_string(number), .backend = "vulkan", .name = std::string(properties.deviceName), .driver = {}, .path = "spir-v", .pci_address = {}};
  info.driver = "Vulkan " + version_text(properties.apiVersion) + " / " + version_text(properties.driverVersion);
  VkPhysicalDeviceMemoryProperties memory{};
  instance.find<PFN_vkGetPhysicalDeviceMemoryProperties>("vkGetPhysicalDeviceMemoryProperties")(device, &memory);
  for (std::uint32_t heap = 0; heap < memory.memoryHeapCount; ++heap)
    if (memory.memoryHeaps[heap].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) info.memory = std::max(info.memory, Bytes(static_cast<double>(memory.memoryHeaps[heap].size)));
  constexpr double kUnknownCache = 64.0 * 1024 * 1024;   // Vulkan does not tell; larger than nearly all
  info.cache = Bytes(kUnknownCache);
  info.units = 64;                                       // nor this: enough groups for every card
  info.in_software = properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  info.pci_address = pci_address(instance, device);
  return info;
}

}  // namespace

Result<std::vector<std::unique_ptr<Device>>> open_vulkan(const World& world, const Options&) {
  if (spirv("nothing").empty()) return fail(ErrorKind::unsupported, "this program was built without glslangValidator, which makes the Vulkan kernels");
  RC_ASSIGN(library, Library::open(world, "libvulkan.so.1"));
  const auto instance = std::make_shared<Instance>(library, library.find<std::remove_pointer_t<PFN_vkGetInstanceProcAddr>>("vkGetInstanceProcAddr"));
  if (!instance->get) return fail(ErrorKind::system, "libvulkan.so.1 is no Vulkan loader");
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, application.apiVersion = VK_API_VERSION_1_1;
  VkInstanceCreateInfo wanted{};
  wanted.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, wanted.pApplicationInfo = &application;
  const auto create = instance->find<PFN_vkCreateInstance>("vkCreateInstance");
  if (!create || create(&wanted, nullptr, &instance->handle) != VK_SUCCESS) return fail(ErrorKind::system, "the Vulkan loader is installed but finds no usable driver");
  std::array<VkPhysicalDevice, 64> handles{};
  std::uint32_t count = handles.size();
  if (instance->find<PFN_vkEnumeratePhysicalDevices>("vkEnumeratePhysicalDevices")(instance->handle, &count, handles.data()) < VK_SUCCESS) count = 0;
  std::vector<std::unique_ptr<Device>> devices;
  for (std::uint32_t i = 0; i < count; ++i) {
    VkPhysicalDeviceProperties properties{};
    instance->find<PFN_vkGetPhysicalDeviceProperties>("vkGetPhysicalDeviceProperties")(handles[i], &properties);
    const auto family = queue_family(*instance, handles[i]);
    if (!family || properties.apiVersion < VK_API_VERSION_1_1) continue;
    const double tick = static_cast<double>(properties.limits.timestampPeriod) * 1e-9;
    const DeviceInfo info = describe(*instance, handles[i], properties, static_cast<int>(devices.size()));
    devices.push_back(gpu_device(std::make_unique<VulkanGpu>(instance, handles[i], *family, tick, info), sensors_of(world, info.pci_address)));
  }
  if (devices.empty()) return fail(ErrorKind::not_found, "the Vulkan loader is installed but no driver has a device that computes");
  return devices;
}

}  // namespace rigcast::bench
