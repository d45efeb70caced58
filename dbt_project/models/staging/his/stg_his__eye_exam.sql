select
    {{ load_columns() }},
    cast(exam_id as varchar) as exam_id,
    cast(encounter_key as varchar) as encounter_key,
    cast(eye as varchar) as eye,
    cast(va_uncorrected as varchar) as va_uncorrected,
    cast(va_corrected as varchar) as va_corrected,
    cast(va_pinhole as varchar) as va_pinhole,
    cast(iop as varchar) as iop,
    cast(iop_method as varchar) as iop_method,
    cast(cup_disc_ratio as varchar) as cup_disc_ratio,
    cast(examined_at as timestamp) as examined_at
from {{ this_month_of(source('deidentified', 'his__eye_exams')) }}
