// What all ADDs of one configuration have in common, and how one of them is filled in: Recipe of
// lib/kernel/contract/recipe.ts.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "address.h"
#include "fields.h"
#include "result.h"

namespace trestle {

// What differs from one ADD to the next, each by the character that stands for it in a text: no JSON text has
// any of these.
enum Hole : char {
  kContainerId = 1,
  kIfname = 2,
  kNetns = 3,
  kHostEnd = 4,
  kHostMac = 5,
  kPodMac = 6,
  kToken = 7,
  kNow = 8,
  // Of the first range set; those of the others follow.
  kAddress = 16
};

constexpr size_t kMaxAddresses = 8;

// By hole. What has none is empty.
using Filling = std::array<std::string, kAddress + kMaxAddresses>;

std::string Fill(std::string_view text, const Filling& filling);

// A range of addresses, both ends included, of which the gateway is not given out.
struct LeaseRange {
  Ip start;
  Ip end;
  Ip gateway;
};

// Where leases are, and of which ranges an ADD gets one each.
struct LeasePlace {
  std::string folder;
  std::string index;
  std::vector<LeaseRange> ranges;
  // Held by who is at it.
  std::shared_ptr<std::mutex> turn = std::make_shared<std::mutex>();
};

struct Recipe {
  struct Argument {
    std::string key;
    // Nothing: any.
    std::optional<std::string> value;
  };

  uint32_t id = 0;
  std::vector<std::string> variables;
  std::vector<Argument> args;
  std::string config;
  std::string network;
  std::string type;
  std::string machine_id;
  std::string state_dir;
  std::string queries;
  std::vector<std::string> answers;
  std::string record;
  std::optional<LeasePlace> lease;
  std::vector<std::string> footprints;
  std::string steps;
  std::string outcomes;
  std::string complete;
  std::string result;
};

Result<Recipe> ParseRecipe(const std::string& text);

// A call that a recipe is good for.
struct RecipeCall {
  Filling filling;
  // CNI_NETNS as the launcher has opened it.
  std::string netns;
};

// The payload of a REQUEST, if this recipe is good for it. What is out of the ordinary is not, be it right or
// wrong.
std::optional<RecipeCall> Match(const Recipe& recipe, std::string_view payload);

}  // namespace trestle
