// The table of all methods: name, and how options become one.
#include <taskgrad/balancers/aligned_mtl.h>
#include <taskgrad/balancers/auto_lambda.h>
#include <taskgrad/balancers/bargaining.h>
#include <taskgrad/balancers/cagrad.h>
#include <taskgrad/balancers/config.h>
#include <taskgrad/balancers/cov.h>
#include <taskgrad/balancers/cr_mogm.h>
#include <taskgrad/balancers/db_mtl.h>
#include <taskgrad/balancers/double_sampling.h>
#include <taskgrad/balancers/dtp.h>
#include <taskgrad/balancers/dual_cone.h>
#include <taskgrad/balancers/dwa.h>
#include <taskgrad/balancers/excess_mtl.h>
#include <taskgrad/balancers/famo.h>
#include <taskgrad/balancers/fixed.h>
#include <taskgrad/balancers/forum.h>
#include <taskgrad/balancers/graddrop.h>
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/balancers/gradvac.h>
#include <taskgrad/balancers/imtl.h>
#include <taskgrad/balancers/log_losses.h>
#include <taskgrad/balancers/maxgnr.h>
#include <taskgrad/balancers/mgda.h>
#include <taskgrad/balancers/moco.h>
#include <taskgrad/balancers/moml.h>
#include <taskgrad/balancers/option_reader.h>
#include <taskgrad/balancers/pcgrad.h>
#include <taskgrad/balancers/rlw.h>
#include <taskgrad/balancers/robust.h>
#include <taskgrad/balancers/stch.h>
#include <taskgrad/balancers/uncertainty.h>
#include <taskgrad/balancers/uw_so.h>
#include <taskgrad/core/fail.h>

#include <vector>

namespace taskgrad {
namespace {

using Made = std::unique_ptr<Balancer>;
using Read = OptionReader;

const std::vector<std::pair<std::string_view, Scope>> kScopes = {
    {"parameters", Scope::parameters}, {"representation", Scope::representation}};

// A method made from the number of tasks and its options, or from what it takes of those.
template <class Method, class... Options>
Made construct(int tasks, Options... options) {
  if constexpr (std::is_constructible_v<Method, int, Options...>) {
    return std::make_unique<Method>(tasks, std::move(options)...);
  } else {
    return std::make_unique<Method>(std::move(options)...);
  }
}

template <class Method>
Made plain(int tasks, Read&) {
  return construct<Method>(tasks);
}

// `fields(read, options)` names the options.
template <class Method, class Options, auto fields>
Made make(int tasks, Read& read) {
  Options options;
  fields(read, options);
  return construct<Method>(tasks, std::move(options));
}

Made make_static(int tasks, Read& read) {
  Vec weights(tasks, 1.0);
  read("weights", weights);
  if (weights.size() != tasks) {
    fail<ConfigError>("make_balancer: 'static' needs one weight a task: {} tasks · {} weights",
                      tasks, weights.size());
  }
  return std::make_unique<Static>(std::move(weights));
}

// The inner method has its default options.
Made make_cr_mogm(int tasks, Read& read) {
  std::string method = "mgda";
  CrMogmOptions options;
  read("method", method)("momentum", options.momentum);
  Made inner = method == "cr_mogm" ? nullptr : make_balancer(method, tasks);
  auto* aggregator = dynamic_cast<Aggregator*>(inner.get());
  if (aggregator == nullptr) {
    fail<ConfigError>("make_balancer: method of 'cr_mogm' is one that weighs by the Gramian: '{}'",
                      method);
  }
  static_cast<void>(inner.release());
  return std::make_unique<CrMogm>(tasks, std::unique_ptr<Aggregator>(aggregator), options);
}

// A new method: its own pair of files, one line here, its tests.
struct Method {
  std::string_view name;
  Made (*make)(int tasks, Read& read);
};
constexpr Method kMethods[] = {
    // losses only
    {"equal", plain<Equal>},
    {"static", make_static},
    {"rlw", make<Rlw, RlwOptions, [](Read& read, auto& o) { read("seed", o.seed); }>},
    {"scale_invariant", plain<ScaleInvariant>},
    {"uncertainty", make<Uncertainty, UncertaintyOptions,
                         [](Read& read, auto& o) {
                           read("weight_lr", o.weight_lr)("initial_log_variance",
                                                          o.initial_log_variance)(
                               "form", o.form,
                               {{"regression", UncertaintyForm::regression},
                                {"classification", UncertaintyForm::classification}});
                         }>},
    {"dtp", make<Dtp, DtpOptions,
                 [](Read& read, auto& o) { read("gamma", o.gamma)("newest", o.newest); }>},
    {"dwa", make<Dwa, DwaOptions, [](Read& read, auto& o) { read("temperature", o.temperature); }>},
    {"gls", plain<Gls>},
    {"imtl_l",
     make<ImtlL, ImtlOptions, [](Read& read, auto& o) { read("weight_lr", o.weight_lr); }>},
    {"cov", plain<Cov>},
    {"uw_so",
     make<UwSo, UwSoOptions, [](Read& read, auto& o) { read("temperature", o.temperature); }>},
    {"famo", make<Famo, FamoOptions,
                  [](Read& read, auto& o) {
                    read("weight_lr", o.weight_lr)("gamma", o.gamma)("lower_bounds",
                                                                     o.lower_bounds);
                  }>},
    {"stch", make<Stch, StchOptions,
                  [](Read& read, auto& o) { read("mu", o.mu)("warmup_steps", o.warmup_steps); }>},
    // gradients of tasks
    {"pcgrad", make<PcGrad, PcGradOptions,
                    [](Read& read, auto& o) {
                      read("seed", o.seed)(
                          "reduction", o.reduction,
                          {{"sum", nn::Reduction::sum}, {"mean", nn::Reduction::mean}});
                    }>},
    {"gradvac", make<GradVac, GradVacOptions,
                     [](Read& read, auto& o) { read("beta", o.beta)("seed", o.seed); }>},
    {"mgda", make<Mgda, MgdaOptions,
                  [](Read& read, auto& o) {
                    read("normalization", o.normalization,
                         {{"none", MgdaNormalization::none},
                          {"l2", MgdaNormalization::l2},
                          {"loss", MgdaNormalization::loss},
                          {"loss_l2", MgdaNormalization::loss_l2}})("scope", o.scope, kScopes);
                  }>},
    {"cagrad", make<CaGrad, CaGradOptions,
                    [](Read& read, auto& o) {
                      read("c", o.c)("rescale", o.rescale,
                                     {{"none", Rescale::none},
                                      {"squared", Rescale::squared},
                                      {"linear", Rescale::linear}});
                    }>},
    {"graddrop", make<GradDrop, GradDropOptions,
                      [](Read& read, auto& o) { read("leak", o.leak)("seed", o.seed); }>},
    {"imtl_g", plain<ImtlG>},
    {"imtl", make<Imtl, ImtlOptions, [](Read& read, auto& o) { read("weight_lr", o.weight_lr); }>},
    {"nash_mtl",
     make<NashMtl, NashMtlOptions, [](Read& read, auto& o) { read("max_norm", o.max_norm); }>},
    {"fairgrad",
     make<FairGrad, FairGradOptions, [](Read& read, auto& o) { read("alpha", o.alpha); }>},
    {"aligned_mtl", make<AlignedMtl, AlignedMtlOptions,
                         [](Read& read, auto& o) {
                           read("scale", o.scale,
                                {{"min", AlignedScale::min},
                                 {"median", AlignedScale::median},
                                 {"rmse", AlignedScale::rmse}})("scope", o.scope, kScopes);
                         }>},
    {"moco", make<MoCo, MoCoOptions,
                  [](Read& read, auto& o) {
                    read("tracking_rate", o.tracking_rate)("weight_rate", o.weight_rate)("rho",
                                                                                         o.rho);
                  }>},
    {"modo", make<MoDo, MoDoOptions,
                  [](Read& read, auto& o) { read("weight_rate", o.weight_rate)("rho", o.rho); }>},
    {"sdmgrad", make<SdmGrad, SdmGradOptions,
                     [](Read& read, auto& o) {
                       read("lambda", o.lambda)("iterations", o.iterations)("rate", o.rate)(
                           "momentum", o.momentum);
                     }>},
    {"db_mtl", make<DbMtl, DbMtlOptions,
                    [](Read& read, auto& o) { read("beta", o.beta)("decay", o.decay); }>},
    {"excess_mtl",
     make<ExcessMtl, ExcessMtlOptions,
          [](Read& read, auto& o) { read("rate", o.rate)("warmup_steps", o.warmup_steps); }>},
    {"upgrad", plain<UpGrad>},
    {"dual_proj", plain<DualProj>},
    {"config", plain<ConFig>},
    {"krum",
     make<Krum, KrumOptions,
          [](Read& read, auto& o) { read("byzantine", o.byzantine)("selected", o.selected); }>},
    {"trimmed_mean",
     make<TrimmedMean, TrimmedMeanOptions, [](Read& read, auto& o) { read("trim", o.trim); }>},
    {"cr_mogm", make_cr_mogm},
    {"maxgnr",
     make<MaxGnr, MaxGnrOptions, [](Read& read, auto& o) { read("momentum", o.momentum); }>},
    // second order or bilevel
    {"gradnorm", make<GradNorm, GradNormOptions,
                      [](Read& read, auto& o) {
                        read("alpha", o.alpha)("weight_lr", o.weight_lr)(
                            "min_weight", o.min_weight)("initial_losses", o.initial_losses)(
                            "path", o.path,
                            {{"second_order", GradNormPath::second_order},
                             {"closed_form", GradNormPath::closed_form}})(
                            "weight_form", o.weight_form,
                            {{"linear", WeightForm::linear}, {"log", WeightForm::log}});
                      }>},
    {"moml",
     make<Moml, MomlOptions,
          [](Read& read, auto& o) { read("weight_lr", o.weight_lr)("look_ahead", o.look_ahead); }>},
    {"auto_lambda", make<AutoLambda, AutoLambdaOptions,
                         [](Read& read, auto& o) {
                           read("weight_lr", o.weight_lr)("look_ahead", o.look_ahead)(
                               "initial_weight", o.initial_weight);
                         }>},
    {"forum", make<Forum, ForumOptions,
                   [](Read& read, auto& o) {
                     read("weight_lr", o.weight_lr)("look_ahead", o.look_ahead)("steps", o.steps)(
                         "rho", o.rho)("newest", o.newest);
                   }>},
};

}  // namespace

std::vector<std::string_view> balancer_names() {
  std::vector<std::string_view> names;
  for (const Method& method : kMethods) names.push_back(method.name);
  return names;
}

std::unique_ptr<Balancer> make_balancer(std::string_view name, int tasks,
                                        const BalancerOptions& options) {
  for (const Method& method : kMethods) {
    if (method.name != name) continue;
    if (tasks < 1) fail<ConfigError>("make_balancer: at least one task: {}", tasks);
    OptionReader reader(name, options);
    Made balancer = method.make(tasks, reader);
    reader.finish();
    return balancer;
  }
  fail<ConfigError>("make_balancer: the name is one of {}: '{}'", joined_words(balancer_names()),
                    name);
}

}  // namespace taskgrad
