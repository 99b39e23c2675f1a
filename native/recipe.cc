#include "recipe.h"

#include <algorithm>
#include <utility>

#include "json.h"

namespace trestle {
namespace {

// A configuration's longest, and what it grows to.
constexpr size_t kMaxText = 128 * size_t{1024};

Ip ParseRangeIp(Fields& fields, const char* name, std::optional<int>& family) {
  const Ip ip = fields.IpAddress(name);
  if (family.value_or(ip.family) != ip.family) fields.Complain(name, "is of another family");
  family = ip.family;
  return ip;
}

LeasePlace ParseLeasePlace(Fields fields) {
  LeasePlace place;
  place.folder = fields.Text("folder", 4095);
  place.index = fields.Text("index", 4095);
  fields.Each("ranges", false, [&](Fields& range) {
    std::optional<int> family;
    const Ip start = ParseRangeIp(range, "start", family);
    const Ip end = ParseRangeIp(range, "end", family);
    place.ranges.push_back({start, end, ParseRangeIp(range, "gateway", family)});
  });
  if (place.ranges.empty() || place.ranges.size() > kMaxAddresses)
    fields.Complain("ranges", "are none or too many");
  fields.Finish();
  return place;
}

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool ConsistsOf(std::string_view text, std::string_view allowed, size_t max) {
  return !text.empty() && text.size() <= max && text.find_first_not_of(allowed) == std::string_view::npos;
}

bool StartsWithLetter(std::string_view text) {
  return !text.empty() && kLetters.find(text.front()) != std::string_view::npos;
}

bool IsContainerId(std::string_view text) {
  static const std::string allowed = std::string(kLetters).append("_.-");
  return StartsWithLetter(text) && ConsistsOf(text, allowed, 64);
}

bool IsIfname(std::string_view text) {
  static const std::string allowed = std::string(kLetters).append("_.-");
  return StartsWithLetter(text) && ConsistsOf(text, allowed, 15);
}

// One that is the same in JSON.
bool IsPath(std::string_view text) {
  return text.starts_with('/') && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
           return c > ' ' && c <= '~' && c != '"' && c != '\\';
         });
}

// The parts of a text that a character divides.
class Parts {
 public:
  Parts(std::string_view text, char divider) : rest_(text), divider_(divider) {}

  // Nothing behind the last one.
  std::optional<std::string_view> Next() {
    if (is_over_) return {};
    const size_t end = rest_.find(divider_);
    const std::string_view part = rest_.substr(0, end);
    is_over_ = end == std::string_view::npos;
    if (!is_over_) rest_.remove_prefix(end + 1);
    return part;
  }

 private:
  std::string_view rest_;
  char divider_;
  bool is_over_ = false;
};

// "/proc/<process id>/fd/<number>"
bool IsOpenedNetns(std::string_view text) {
  static constexpr std::string_view digits = "0123456789";
  Parts parts(text, '/');
  const bool begins_right = parts.Next() == "" && parts.Next() == "proc";
  const bool has_process = ConsistsOf(parts.Next().value_or(""), digits, 10);
  const bool has_number = parts.Next() == "fd" && ConsistsOf(parts.Next().value_or(""), digits, 10);
  return begins_right && has_process && has_number && !parts.Next();
}

bool IsToken(std::string_view text) {
  return ConsistsOf(text, "0123456789abcdef", 32) && text.size() == 32;
}

bool IsTime(std::string_view text) {
  return ConsistsOf(text, "0123456789", 15);
}

bool HasArgs(const Recipe& recipe, std::string_view text) {
  if (text.empty()) return recipe.args.empty();
  Parts parts(text, ';');
  for (const auto& [key, value] : recipe.args) {
    const auto part = parts.Next();
    if (!part || !part->starts_with(key) || part->size() == key.size() || (*part)[key.size()] != '=')
      return false;
    const std::string_view given = part->substr(key.size() + 1);
    if (value ? given != *value : given.find('=') != std::string_view::npos) return false;
  }
  return !parts.Next();
}

// The variables that differ from one call to the next.
class CallReader {
 public:
  explicit CallReader(const Recipe& recipe) : recipe_(recipe) {}

  // False: the recipe is not good for a call with this variable.
  bool Take(std::string_view variable) {
    const auto& all = recipe_.variables;
    if (std::find(all.begin(), all.end(), variable) != all.end()) {
      same_++;
      return true;
    }
    const size_t at = variable.find('=');
    if (at == std::string_view::npos) return false;
    const std::string_view name = variable.substr(0, at);
    const std::string_view value = variable.substr(at + 1);
    if (name == "CNI_CONTAINERID") return IsContainerId(value) && Set(call_.filling[kContainerId], value);
    if (name == "CNI_IFNAME") return IsIfname(value) && Set(call_.filling[kIfname], value);
    if (name == "CNI_NETNS") return IsPath(value) && Set(call_.filling[kNetns], value);
    if (name == "token") return IsToken(value) && Set(call_.filling[kToken], value);
    if (name == "netns") return IsOpenedNetns(value) && Set(call_.netns, value);
    if (name == "CNI_ARGS") return HasArgs(recipe_, value) && !std::exchange(has_args_, true);
    return name == "began" && IsTime(value) && !std::exchange(has_began_, true);
  }

  // The call, if nothing is missing and nothing was said twice.
  std::optional<RecipeCall> Finish() {
    const bool is_whole = same_ == recipe_.variables.size() && has_began_ && !call_.netns.empty() &&
                          (has_args_ || recipe_.args.empty());
    for (const Hole hole : {kContainerId, kIfname, kNetns, kToken})
      if (call_.filling.at(hole).empty()) return {};
    if (!is_whole) return {};
    return std::move(call_);
  }

 private:
  static bool Set(std::string& to, std::string_view value) {
    if (!to.empty()) return false;
    to = value;
    return true;
  }

  const Recipe& recipe_;
  RecipeCall call_;
  size_t same_ = 0;
  bool has_args_ = false;
  bool has_began_ = false;
};

}  // namespace

std::string Fill(std::string_view text, const Filling& filling) {
  std::string filled;
  filled.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    const auto hole = size_t(uint8_t(c));
    const bool is_hole = hole >= kAddress ? hole < filling.size() : hole >= kContainerId && hole <= kNow;
    if (is_hole) {
      filled += filling[hole];
    } else {
      filled += c;
    }
  }
  return filled;
}

Result<Recipe> ParseRecipe(const std::string& text) {
  const auto value = FromJson(text);
  if (!value) return value.fault();
  std::optional<Fault> problem;
  Fields fields(&*value, "recipe", problem);
  Recipe recipe;
  recipe.id = fields.Number("id", 0, UINT32_MAX);
  recipe.variables = fields.Texts("variables", kMaxText);
  fields.Each("args", false, [&](Fields& argument) {
    recipe.args.push_back({argument.Text("key", kMaxText), argument.OptionalText("value", kMaxText)});
  });
  recipe.config = fields.Text("config", kMaxText);
  recipe.network = fields.Text("network");
  recipe.type = fields.Text("type");
  recipe.machine_id = fields.Text("machineId");
  recipe.state_dir = fields.Text("stateDir", 4095);
  recipe.queries = fields.Text("queries", kMaxText);
  recipe.answers = fields.Texts("answers", kMaxText);
  recipe.record = fields.Text("record", kMaxText);
  if (fields.Has("lease")) recipe.lease = ParseLeasePlace(fields.Nested("lease"));
  recipe.footprints = fields.Texts("footprints", kMaxText);
  if (recipe.footprints.empty()) fields.Complain("footprints", "are none");
  recipe.steps = fields.Text("steps", kMaxText);
  recipe.outcomes = fields.Text("outcomes", kMaxText);
  recipe.complete = fields.Text("complete", kMaxText);
  recipe.result = fields.Text("result", kMaxText);
  fields.Finish();
  if (problem) return *problem;
  return recipe;
}

std::optional<RecipeCall> Match(const Recipe& recipe, std::string_view payload) {
  const size_t end = payload.find(std::string_view("\0\0", 2));
  if (end == std::string_view::npos || payload.substr(end + 2) != recipe.config) return {};
  CallReader reader(recipe);
  Parts variables(payload.substr(0, end), '\0');
  while (const auto variable = variables.Next())
    if (!reader.Take(*variable)) return {};
  return reader.Finish();
}

}  // namespace trestle
