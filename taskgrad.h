// Everything that taskgrad offers its users.
#pragma once

#include <taskgrad/autograd/grad.h>
#include <taskgrad/autograd/gradcheck.h>
#include <taskgrad/autograd/op.h>
#include <taskgrad/autograd/ops.h>
#include <taskgrad/autograd/var.h>
#include <taskgrad/balancers/balancer.h>
#include <taskgrad/balancers/fixed.h>
#include <taskgrad/balancers/gradnorm.h>
#include <taskgrad/balancers/step.h>
#include <taskgrad/balancers/uncertainty.h>
#include <taskgrad/core/error.h>
#include <taskgrad/core/memory.h>
#include <taskgrad/core/parallel.h>
#include <taskgrad/core/rng.h>
#include <taskgrad/core/safetensors.h>
#include <taskgrad/core/tensor.h>
#include <taskgrad/core/version.h>
#include <taskgrad/nn/layers.h>
#include <taskgrad/nn/loss.h>
#include <taskgrad/nn/multi_task.h>
#include <taskgrad/nn/optim.h>
