use std::time::Instant;
use tch::{Device, Kind, Tensor};
fn t(mut f: impl FnMut() -> Result<Tensor, tch::TchError>) -> String {
    for _ in 0..10 {
        if let Err(e) = f() {
            return format!(
                "E{}",
                e.to_string()
                    .lines()
                    .next()
                    .unwrap_or("")
                    .chars()
                    .take(60)
                    .collect::<String>()
            );
        }
    }
    let a = Instant::now();
    for _ in 0..200 {
        let _ = f();
    }
    format!("{:.0}", a.elapsed().as_secs_f64() / 200.0 * 1e6)
}
fn main() {
    tch::set_num_threads(2);
    let _g = tch::no_grad_guard();
    for (n, k) in [
        (512, 512),
        (2048, 512),
        (512, 2048),
        (1536, 512),
        (51865, 512),
        (51865, 384),
    ] {
        let w = Tensor::randn([n, k], (Kind::Float, Device::Cpu));
        let s = w.abs().amax([1], false) / 127.0;
        let wq = (&w / s.unsqueeze(1)).round().to_kind(Kind::Int8);
        let wb = w.to_kind(Kind::BFloat16);
        for m in [1, 8] {
            let x = Tensor::randn([m, k], (Kind::Float, Device::Cpu));
            let xb = x.to_kind(Kind::BFloat16);
            let sb = s.to_kind(Kind::BFloat16);
            println!(
                "{n}x{k} m{m} f32 {} bf16 {} bf16+cast {} w8f32 {} w8bf16 {}",
                t(|| x.f_linear(&w, None::<Tensor>)),
                t(|| xb.f_linear(&wb, None::<Tensor>)),
                t(|| x
                    .f_to_kind(Kind::BFloat16)?
                    .f_linear(&wb, None::<Tensor>)?
                    .f_to_kind(Kind::Float)),
                t(|| x.f_internal_weight_int8pack_mm(&wq, &s)),
                t(|| xb.f_internal_weight_int8pack_mm(&wq, &sb))
            );
        }
    }
}
