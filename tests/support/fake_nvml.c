// A management library with two RTX 3090 joined by four NVLinks; with BROKEN defined it fails as after a half-done driver update.
#include <stddef.h>
#include <string.h>

struct memory { unsigned long long total, free, used; };
struct pci { char legacy[16]; unsigned domain, bus, device, device_id, subsystem_id; char bus_id[32]; };
static char cards[8];   // two cards; with MIG defined the first is divided into two instances and the second into none
static size_t number(void* device) { return (size_t)((char*)device - cards); }

#ifdef BROKEN
int nvmlInit_v2(void) { return 18; }
#else
int nvmlInit_v2(void) { return 0; }
#endif
const char* nvmlErrorString(int code) { return code == 18 ? "Driver/library version mismatch" : "Unknown Error"; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char* text, unsigned length) { strncpy(text, "550.54.14", length); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int* version) { *version = 12040; return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) { *device = &cards[index]; return 0; }
#ifdef MIG
static const char* names[] = {"NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3 MIG 3g.40gb", "NVIDIA H100 80GB HBM3 MIG 1g.10gb"};
static const unsigned long long totals[] = {81559, 81559, 40448, 9984};
int nvmlDeviceGetName(void* device, char* text, unsigned length) { strncpy(text, names[number(device)], length); return 0; }
int nvmlDeviceGetMigMode(void* device, unsigned* now, unsigned* pending) { (void)device; *now = *pending = 1; return 0; }
int nvmlDeviceGetMaxMigDeviceCount(void* device, unsigned* count) { (void)device; *count = 7; return 0; }
int nvmlDeviceGetMigDeviceHandleByIndex(void* device, unsigned index, void** part) {
  if (number(device) != 0 || (index != 0 && index != 3)) return 6;   // not found: numbers are not dense
  *part = &cards[index == 0 ? 2 : 3];
  return 0;
}
#else
int nvmlDeviceGetName(void* device, char* text, unsigned length) { (void)device; strncpy(text, "NVIDIA GeForce RTX 3090", length); return 0; }
#endif
int nvmlDeviceGetPciInfo_v3(void* device, struct pci* pci) {
  strcpy(pci->bus_id, number(device) == 0 ? "00000000:41:00.0" : "00000000:81:00.0");
  return 0;
}
int nvmlDeviceGetMemoryInfo(void* device, struct memory* memory) {
#ifdef MIG
  memory->total = totals[number(device)] << 20, memory->free = memory->total - (512ull << 20), memory->used = 512ull << 20;
#else
  (void)device;
  memory->total = 24576ull << 20, memory->free = 23552ull << 20, memory->used = 1024ull << 20;
#endif
  return 0;
}
int nvmlDeviceGetCudaComputeCapability(void* device, int* major, int* minor) { (void)device; *major = 8; *minor = 6; return 0; }
int nvmlDeviceGetPowerManagementLimit(void* device, unsigned* milliwatts) { (void)device; *milliwatts = 220000; return 0; }
int nvmlDeviceGetPowerManagementDefaultLimit(void* device, unsigned* milliwatts) { (void)device; *milliwatts = 350000; return 0; }
int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, void* infos) { (void)device; (void)infos; *count = 2; return 7; }
int nvmlDeviceGetNvLinkState(void* device, unsigned link, int* active) { (void)device; *active = link < 4; return link < 4 ? 0 : 2; }
int nvmlDeviceGetNvLinkVersion(void* device, unsigned link, unsigned* version) { (void)device; (void)link; *version = 3; return 0; }
int nvmlDeviceGetNvLinkRemotePciInfo_v2(void* device, unsigned link, struct pci* pci) {
  (void)link;
  strcpy(pci->bus_id, number(device) == 0 ? "00000000:81:00.0" : "00000000:41:00.0");
  return 0;
}
int nvmlDeviceGetHandleByPciBusId_v2(const char* id, void** device) {
  *device = &cards[strcmp(id, "0000:41:00.0") != 0];
  return strcmp(id, "0000:41:00.0") == 0 || strcmp(id, "0000:81:00.0") == 0 ? 0 : 6;
}
int nvmlDeviceGetClockInfo(void* device, int which, unsigned* mhz) { (void)device; *mhz = which == 1 ? 1695 : 9751; return 0; }
int nvmlDeviceGetTemperature(void* device, unsigned sensor, unsigned* celsius) { (void)device; *celsius = sensor == 0 ? 71 : 0; return 0; }
int nvmlDeviceGetPowerUsage(void* device, unsigned* milliwatts) { (void)device; *milliwatts = 219500; return 0; }
int nvmlDeviceGetCurrentClocksThrottleReasons(void* device, unsigned long long* reasons) { (void)device; *reasons = 0x4 | 0x20 | 0x40; return 0; }
